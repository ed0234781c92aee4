"""A convolution: one small Linear, at every place

A window of K x L pixels slides over a picture. At each place it is one Linear with one row of
weights, and these weights are the same at every place. What finds an edge here, finds it there.

    x (N, C, H, W)        C channels; a colour picture has three
    W (O, C, K, L)        O windows, each as deep as x
    y (N, O, H', W')      H' = H - K + 1, W' = W - L + 1: so many places fit (stride 1, no padding)

    a picture of 3 x 4, a window of 2 x 2:  6 places

        [a b] c d        a [b c] d        a b [c d]           and three more,
        [e f] g h        e [f g] h        e f [g h]           one row down
         i j  k l        i  j k  l        i j  k l

(1) y[n, o, i, j] = sum over c, k, l of x[n, c, i + k, j + l] * W[o, c, k, l]. All channels are
summed. The window is laid on the picture as it is, not flipped: what is called convolution in
neural nets is a correlation in mathematics.

(2) dW. W[o, c, k, l] is in y[n, o, i, j] for every n, i and j, each time multiplied by the pixel
that it met there, x[n, c, i + k, j + l]. A weight that serves many places hears from all of them:
their shares are added, over the batch and over all places. It is a sum again, and no mean.

(3) dx. How often a pixel is seen depends on where it lies: in the drawing, a by one window, f by
four. From each place (i, j) that saw it, a share comes back: dy[n, o, i, j] times the weight that
it met there. So every dy[n, o, i, j] is spread over the window that it came from, and where windows
overlap, shares are added. All O windows have their say.

(4) The same seen from the pixel: x[p, q] met W[k, l] when the window was at (p - k, q - l). Minus,
where forward had plus. So dx is a convolution as well, of dy with W turned by half a circle, and dy
needs a border of zeros, K - 1 wide above and below, L - 1 at the sides: dx is as large as x again.

(5) The shortest way to all three: go through the taps (k, l) and no other index. For one tap,
x[:, :, k:k+H', l:l+W'] is the picture, shifted: what this tap meets at all places. With it, each of
the three is a Linear's line, for all places at once. Seven nested loops are right, too, and slow.
"""

import numpy as np


def conv(x, W):
    """y of shape (N, O, H - K + 1, W - L + 1) from x (N, C, H, W) and W (O, C, K, L)."""
    raise NotImplementedError("yours to write")


def conv_grad_W(dy, x, K, L):
    """dLoss/dW, shape (O, C, K, L), from dy of the shape of y, and x; K and L are W's sizes."""
    raise NotImplementedError("yours to write")


def conv_grad_x(dy, W):
    """dLoss/dx, shape (N, C, H, W), from dy of the shape of y, and W."""
    raise NotImplementedError("yours to write")
