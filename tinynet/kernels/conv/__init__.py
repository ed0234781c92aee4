"""The fast way of a convolution: the batch lies last, and each tap is a Linear on a shifted image.

``layout.py`` has pictures with the batch last, one picture in each lane of a vector, and the tables
of where each tap finds its numbers; ``taps.py`` sums over taps (forward) and over channels (dx),
``places.py`` over places (dw). Patches are never written down.
"""
