"""Kernels of pooling: one number for each window of a picture, its largest or its mean.

Pictures are (N, C, H, W), what comes out is (N, C, P, Q): one number for each place of the window.
Sizes are pairs, down and across. Tap (k, l) of the window at place (p, q) lies on row ``p *
stride[0] - padding[0] + k * dilation[0]`` of the picture, and on the column that the second sizes
say; beyond the border there is nothing.
"""

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.simd.lanes import view
from tinynet.support.types import Array
from tinynet.support.windows import Two


def _windows(
    x: Array, kernel_size: Two, stride: Two, padding: Two, dilation: Two, beyond: float
) -> Array:
    """All windows (..., P, Q, K * L), with `beyond` where a window reaches beyond the border."""
    down, across = ((pad, pad) for pad in padding)
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [down, across], constant_values=beyond)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(-2, -1))
    windows = windows[..., :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    return windows.reshape(*windows.shape[:-2], kernel_size[0] * kernel_size[1])


def max_pool_reference(
    x: Array,
    kernel_size: Two,
    stride: Two,
    padding: Two,
    dilation: Two,
    y: Array,
    won: Array,
) -> tuple[Array, Array]:
    """The largest number of each window, and its place in the picture, h * W + w.

    Of equal ones it is the first. NaN counts as larger than all, and of several it is the last: so
    it is in PyTorch.
    """
    sizes = kernel_size, stride, padding, dilation
    taps = _windows(x, *sizes, -np.inf)
    places = _windows(np.arange(x[0, 0].size if x.size else 0).reshape(x.shape[2:]), *sizes, -1)
    largest = taps.max(axis=-1, keepdims=True)
    first = np.argmax((taps == largest) & (places >= 0), axis=-1)
    last_nan = taps.shape[-1] - 1 - np.argmax(np.isnan(taps[..., ::-1]), axis=-1)
    which = np.where(np.isnan(largest[..., 0]), last_nan, first)[..., np.newaxis]
    won = np.take_along_axis(np.broadcast_to(places, taps.shape), which, axis=-1)
    return np.take_along_axis(taps, which, axis=-1)[..., 0], won[..., 0]


def max_pool_plain(
    x: Array, kernel_size: Two, stride: Two, padding: Two, dilation: Two, y: Array, won: Array
) -> None:
    N, C, H, W = x.shape
    for n in range(N):
        for c in range(C):
            for p in range(y.shape[2]):
                for q in range(y.shape[3]):
                    best, place = x.dtype.type(-np.inf), -1
                    for k in range(kernel_size[0]):
                        for l in range(kernel_size[1]):
                            h = p * stride[0] - padding[0] + k * dilation[0]
                            w = q * stride[1] - padding[1] + l * dilation[1]
                            if 0 <= h < H and 0 <= w < W:
                                number = x[n, c, h, w]
                                if place < 0 or number > best or np.isnan(number):
                                    best, place = number, h * W + w
                    y[n, c, p, q] = best
                    won[n, c, p, q] = place


@inlined
def _keep_larger(numbers: Array, bases: Array, tap: int, best: Array, places: Array) -> None:
    """Let numbers win that are larger than the best so far, or NaN."""
    for i in range(best.size):
        wins = (numbers[i] > best[i]) | (numbers[i] != numbers[i])
        best[i] = numbers[i] if wins else best[i]
        places[i] = bases[i] + np.int32(tap) if wins else places[i]


@inlined
def _has_nan(numbers: Array) -> bool:
    found = 0
    for i in range(numbers.size):
        found |= numbers[i] != numbers[i]
    return found != 0


@inlined
def _largest_of_four(picture: Array, starts: Array, W: int, best: Array, places: Array) -> None:
    """Windows of 2 x 2 without NaN: three maxima, and places by arithmetic, without a jump."""
    right, down = np.uint64(1), np.uint64(W)
    for i in range(best.size):
        a, b = picture[starts[i]], picture[starts[i] + right]
        c, d = picture[starts[i] + down], picture[starts[i] + down + right]
        above, below = np.int32(b > a), np.int32(d > c)  # which column
        upper, lower = b if b > a else a, d if d > c else c
        row = np.int32(lower > upper)
        best[i] = lower if lower > upper else upper
        places[i] = np.int32(starts[i]) + above + row * (np.int32(W) + below - above)


@kernel(
    max_pool_reference,
    updates=("y", "won"),
    equation="y, won = max and argmax of each window of x",
    plain=max_pool_plain,
)
def max_pool(
    x: Array, kernel_size: Two, stride: Two, padding: Two, dilation: Two, y: Array, won: Array
) -> None:
    """Tap by tap, for all windows of a picture: nobody can predict which number is larger.

    So the numbers of a tap are fetched into one row, which is compared with the best in lanes: they
    choose without a jump. Windows of 2 x 2, of which most networks are made, take half as long.
    """
    (N, C, H, W), P, Q = x.shape, y.shape[2], y.shape[3]
    rows, columns = H + 2 * padding[0], W + 2 * padding[1]
    four = kernel_size == (2, 2) and padding == (0, 0) and dilation == (1, 1)
    padded, numbers = np.empty(rows * columns, x.dtype), np.empty(P * Q, x.dtype)
    starts = np.empty(P * Q, np.uint64)  # of each window, in the padded picture
    bases, firsts = np.empty(P * Q, np.int32), np.empty(P * Q, np.int32)  # in the picture itself
    for p in range(P):
        for q in range(Q):
            h, w = p * stride[0] - padding[0], q * stride[1] - padding[1]
            starts[p * Q + q] = p * stride[0] * columns + q * stride[1]
            bases[p * Q + q] = h * W + w
            while h < 0:
                h += dilation[0]
            while w < 0:
                w += dilation[1]
            firsts[p * Q + q] = h * W + w if h < H and w < W else -1
    for i in range(padded.size):
        padded[i] = -np.inf
    size, windows = H * W, P * Q
    for n in range(N * C):
        picture = view(x, n * size, (size,))
        best, places = view(y, n * windows, (windows,)), view(won, n * windows, (windows,))
        if four and not _has_nan(picture):
            _largest_of_four(picture, starts, W, best, places)
            continue
        if padded.size > picture.size:
            for h in range(H):
                for w in range(W):
                    padded[(h + padding[0]) * columns + w + padding[1]] = picture[h * W + w]
            picture = padded
        for i in range(best.size):
            best[i] = -np.inf
            places[i] = firsts[i]
        for k in range(kernel_size[0]):
            for l in range(kernel_size[1]):
                h, w = k * dilation[0], l * dilation[1]
                tap = np.uint64(h * columns + w)
                for i in range(numbers.size):
                    numbers[i] = picture[starts[i] + tap]
                _keep_larger(numbers, bases, h * W + w, best, places)


def max_pool_dx_reference(dy: Array, won: Array, size: Two) -> Array:
    planes = np.zeros((dy.shape[0] * dy.shape[1], size[0] * size[1]), dy.dtype)
    n, i = np.nonzero(won.reshape(len(planes), -1) >= 0)
    np.add.at(planes, (n, won.reshape(len(planes), -1)[n, i]), dy.reshape(len(planes), -1)[n, i])
    return planes.reshape(*dy.shape[:2], *size)


@kernel(max_pool_dx_reference, equation="dx[won] += dy")
def max_pool_dx(dy: Array, won: Array, size: Two, dx: Array) -> None:
    (N, C, P, Q), places = dy.shape, size[0] * size[1]
    for n in range(N * C):
        upstream, winners = view(dy, n * P * Q, (P * Q,)), view(won, n * P * Q, (P * Q,))
        plane = view(dx, n * places, (places,))
        for i in range(places):
            plane[i] = 0
        for i in range(P * Q):
            if winners[i] >= 0:
                plane[winners[i]] += upstream[i]


def _counts(size: Two, sizes: tuple[Two, Two, Two], count_include_pad: bool) -> Array:
    """Over how many numbers the mean of each window is (P, Q)."""
    inside = _windows(np.ones(size), *sizes, (1, 1), float(count_include_pad))
    counts: Array = inside.sum(axis=-1)
    return counts


def avg_pool_reference(
    x: Array, kernel_size: Two, stride: Two, padding: Two, count_include_pad: bool
) -> Array:
    sizes = kernel_size, stride, padding
    counts = _counts(x.shape[2:], sizes, count_include_pad)
    return _windows(x, *sizes, (1, 1), 0).sum(axis=-1) / counts.astype(x.dtype)


@inlined
def _places(
    size: Two,
    kernel_size: Two,
    stride: Two,
    padding: Two,
    count_include_pad: bool,
    starts: Array,
    counts: Array,
) -> None:
    """Where each window (P, Q) starts in the padded picture, and over how many its mean is."""
    P, Q = counts.shape
    for p in range(P):
        for q in range(Q):
            h, w = p * stride[0] - padding[0], q * stride[1] - padding[1]
            starts[p * Q + q] = p * stride[0] * (size[1] + 2 * padding[1]) + q * stride[1]
            rows = min(h + kernel_size[0], size[0]) - max(h, 0)
            columns = min(w + kernel_size[1], size[1]) - max(w, 0)
            if count_include_pad:
                rows, columns = kernel_size
            counts[p, q] = rows * columns


@kernel(avg_pool_reference, equation="y = mean of each window of x")
def avg_pool(
    x: Array, kernel_size: Two, stride: Two, padding: Two, count_include_pad: bool, y: Array
) -> None:
    """Tap by tap, for all windows of a picture; zeros stand beyond the border."""
    (N, C, H, W), P, Q = x.shape, y.shape[2], y.shape[3]
    columns = W + 2 * padding[1]
    padded = np.zeros((H + 2 * padding[0]) * columns, x.dtype)
    starts, counts = np.empty(P * Q, np.uint64), np.empty((P, Q), x.dtype)
    _places((H, W), kernel_size, stride, padding, count_include_pad, starts, counts)
    pictures, means, sizes = x.reshape(N * C, H * W), y.reshape(N * C, P * Q), counts.reshape(-1)
    for n in range(N * C):
        picture, mean = pictures[n], means[n]
        if padded.size > picture.size:
            for h in range(H):
                for w in range(W):
                    padded[(h + padding[0]) * columns + w + padding[1]] = picture[h * W + w]
            picture = padded
        for i in range(mean.size):
            mean[i] = 0
        for k in range(kernel_size[0]):
            for l in range(kernel_size[1]):
                tap = np.uint64(k * columns + l)
                for i in range(mean.size):
                    mean[i] += picture[starts[i] + tap]
        for i in range(mean.size):
            mean[i] /= sizes[i]


def avg_pool_dx_reference(
    dy: Array, kernel_size: Two, stride: Two, padding: Two, count_include_pad: bool, size: Two
) -> Array:
    shares = dy / _counts(size, (kernel_size, stride, padding), count_include_pad).astype(dy.dtype)
    (H, W), (P, Q) = size, dy.shape[2:]
    dx = np.zeros((*dy.shape[:2], H + 2 * padding[0], W + 2 * padding[1]), dy.dtype)
    for k in range(kernel_size[0]):
        for l in range(kernel_size[1]):
            down, across = (slice(t, t + s * n, s) for t, s, n in zip((k, l), stride, (P, Q)))
            dx[:, :, down, across] += shares
    return dx[:, :, padding[0] : padding[0] + H, padding[1] : padding[1] + W]


@kernel(avg_pool_dx_reference, equation="dx[window] += dy / count")
def avg_pool_dx(
    dy: Array,
    kernel_size: Two,
    stride: Two,
    padding: Two,
    count_include_pad: bool,
    size: Two,
    dx: Array,
) -> None:
    (N, C, P, Q), (H, W) = dy.shape, size
    columns = W + 2 * padding[1]
    padded, shares = np.empty((H + 2 * padding[0]) * columns, dy.dtype), np.empty(P * Q, dy.dtype)
    starts, counts = np.empty(P * Q, np.uint64), np.empty((P, Q), dy.dtype)
    _places(size, kernel_size, stride, padding, count_include_pad, starts, counts)
    pictures, upstreams = dx.reshape(N * C, H * W), dy.reshape(N * C, P * Q)
    sizes = counts.reshape(-1)
    for n in range(N * C):
        picture, upstream = pictures[n], upstreams[n]
        for i in range(padded.size):
            padded[i] = 0
        for i in range(shares.size):
            shares[i] = upstream[i] / sizes[i]
        for k in range(kernel_size[0]):
            for l in range(kernel_size[1]):
                tap = np.uint64(k * columns + l)
                for i in range(shares.size):
                    padded[starts[i] + tap] += shares[i]
        for h in range(H):
            for w in range(W):
                picture[h * W + w] = padded[(h + padding[0]) * columns + w + padding[1]]
