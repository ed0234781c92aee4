"""Layers for pictures as a reader writes them, in plain NumPy: they say through which windows."""

import numpy as np

import tinynet as tn


class OwnConvolution(tn.Module):
    """A 3 x 3 kernel over pictures with a frame of zeros around them."""

    def __init__(self, C, O, seed=0):
        rng = np.random.default_rng(seed)
        self.W = tn.Parameter(rng.normal(size=(O, C, 3, 3)).astype(np.float32) / 3)
        self.b = tn.Parameter(rng.normal(size=O).astype(np.float32) / 3)

    def forward(self, x):
        N, _, H, W = x.shape
        framed = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        y = np.zeros((N, len(self.b.data), H, W), x.dtype) + self.b.data[:, None, None]
        for k in range(3):
            for l in range(3):
                tap = framed[:, :, k : k + H, l : l + W]
                y += np.einsum("nchw,oc->nohw", tap, self.W.data[:, :, k, l])
        self.keep(framed)
        return y

    def backward(self, dy):
        dy, framed = self.kept(dy)
        H, W = dy.shape[2:]
        d_framed, dW = np.zeros_like(framed), np.zeros_like(self.W.data)
        for k in range(3):
            for l in range(3):
                tap = np.s_[:, :, k : k + H, l : l + W]
                dW[:, :, k, l] = np.einsum("nchw,nohw->oc", framed[tap], dy)
                d_framed[tap] += np.einsum("nohw,oc->nchw", dy, self.W.data[:, :, k, l])
        self.W.accumulate(dW)
        self.b.accumulate(dy.sum(axis=(0, 2, 3)))
        return d_framed[:, :, 1:-1, 1:-1].copy()

    def told_window(self, shape, place):
        o, i, j = place
        _, H, W = shape
        down = slice(max(0, 1 - i), min(3, H + 1 - i))  # the taps that lie on the picture
        across = slice(max(0, 1 - j), min(3, W + 1 - j))
        rows, columns = (
            slice(at - 1 + taps.start, at - 1 + taps.stop) for at, taps in ((i, down), (j, across))
        )
        every = slice(None)
        return tn.Window(
            (every, rows, columns), weights=("W", (o, every, down, across)), bias=("b", o)
        )


class OwnPool(tn.Module):
    """The largest of 2 x 2, or their mean."""

    def __init__(self, largest=True):
        self.largest = largest

    def forward(self, x):
        N, C, H, W = x.shape
        windows = x.reshape(N, C, H // 2, 2, W // 2, 2).swapaxes(3, 4).reshape(N, C, -1, 4)
        won = windows.argmax(axis=-1)
        self.keep(won, x.shape)
        y = windows.max(axis=-1) if self.largest else windows.mean(axis=-1)
        return y.reshape(N, C, H // 2, W // 2)

    def backward(self, dy):
        dy, won, (N, C, H, W) = self.kept(dy)
        shares = np.arange(4) == won[..., None] if self.largest else np.full((*won.shape, 4), 0.25)
        dx = (dy.reshape(N, C, -1, 1) * shares).astype(dy.dtype)
        dx = dx.reshape(N, C, H // 2, W // 2, 2, 2).swapaxes(3, 4)
        return dx.reshape(N, C, H, W)

    def told_window(self, shape, place):
        c, i, j = place
        window = c, slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2)
        return tn.Window(window, weights=0.25, largest=self.largest)


class OwnFlatten(tn.Module):
    equations = "y = x.reshape(N, -1)", "dx = dy.reshape(x.shape)"

    def forward(self, x):
        self.keep(x.shape)
        return x.reshape(len(x), -1).copy()

    def backward(self, dy):
        dy, shape = self.kept(dy)
        return dy.reshape(shape).copy()


def own_pictures(classes=3):
    """A network of these for pictures of two channels of 8 x 12."""
    return tn.Sequential(
        *(OwnConvolution(2, 4), OwnPool(), tn.ReLU(), OwnConvolution(4, 3, seed=1)),
        *(OwnPool(largest=False), OwnFlatten(), tn.Linear(18, classes, rng=0), tn.LogSoftmax()),
    )


def own_digits(rows=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 2, 8, 12)).astype(np.float32), np.arange(rows) % 3
