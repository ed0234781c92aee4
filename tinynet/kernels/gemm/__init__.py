"""The fast product: how it is cut into blocks, packed, and summed without its zeros."""
