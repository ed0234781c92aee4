"""The fast product: how it is cut into blocks, packed, and summed without its zeros.

To be read in this order: ``product``, ``loops``, ``plan``, ``masks``, ``packing``, ``tiles``; the
page `docs/kernels.md` climbs down these steps, with the reason of each.
"""
