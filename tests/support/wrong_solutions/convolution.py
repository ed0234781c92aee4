"""Wrong solutions of 21_convolution.py."""

from wrong_solutions import Try

PLACES = """
    N, O, rows, columns = dy.shape
    _, C, K, L = W.shape
    dx = np.zeros((N, C, rows + K - 1, columns + L - 1))
"""

TRIES = (
    Try(
        "scipy's idea of a convolution",
        """
def conv(x, W):
    N, C, H, width = x.shape
    O, _, K, L = W.shape
    y = np.zeros((N, O, H - K + 1, width - L + 1))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            window = x[:, :, i:i + K, j:j + L]
            y[:, :, i, j] = np.tensordot(window, np.flip(W, (2, 3)), ([1, 2, 3], [1, 2, 3]))
    return y
""",
        "the window is flipped",
        seen="https://namrapatel.github.io/blog/conv-backprop.html",
    ),
    Try(
        "one place too few",
        """
def conv(x, W):
    N, C, H, width = x.shape
    O, _, K, L = W.shape
    y = np.zeros((N, O, H - K, width - L))
    for n in range(N):
        for o in range(O):
            for i in range(H - K):
                for j in range(width - L):
                    y[n, o, i, j] = np.sum(x[n, :, i:i + K, j:j + L] * W[o])
    return y
""",
        "one place is missing at the end",
    ),
    Try(
        "channels in a loop that assigns",
        """
def conv(x, W):
    N, C, H, width = x.shape
    O, _, K, L = W.shape
    y = np.zeros((N, O, H - K + 1, width - L + 1))
    for n in range(N):
        for o in range(O):
            for c in range(C):
                for i in range(H - K + 1):
                    for j in range(width - L + 1):
                        y[n, o, i, j] = np.sum(x[n, c, i:i + K, j:j + L] * W[o, c])
    return y
""",
        "only the last channel counts",
        seen="https://github.com/LazaroHurtado/micrograd-rs/pull/20",
    ),
    Try(
        "a mean of the window",
        """
def conv(x, W):
    K, L = W.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(x, (K, L), axis=(2, 3))
    return np.einsum("nchwkl,ockl->nohw", windows, W) / (K * L * x.shape[1])
""",
        "a mean over the window",
    ),
    Try(
        "windows side by side",
        """
def conv(x, W):
    K, L = W.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(x, (K, L), axis=(2, 3))
    return np.einsum("nchwkl,ockl->nohw", windows[:, :, ::K, ::L], W)
""",
        "the window jumps by its own size",
    ),
    Try(
        "dW turned round",
        """
def conv_grad_W(dy, x, K, L):
    rows, columns = dy.shape[2:]
    dW = np.zeros((dy.shape[1], x.shape[1], K, L))
    for k in range(K):
        for l in range(L):
            shifted = x[:, :, K - 1 - k:K - 1 - k + rows, L - 1 - l:L - 1 - l + columns]
            dW[:, :, k, l] = np.einsum("nohw,nchw->oc", dy, shifted)
    return dW
""",
        "dW is turned by half a circle",
        seen="https://end-to-end-machine-learning.teachable.com/courses/"
        "322-convolutional-neural-networks-in-two-dimensions/lectures/24726662",
    ),
    Try(
        "dW assigned at each place",
        """
def conv_grad_W(dy, x, K, L):
    N, O, rows, columns = dy.shape
    dW = np.zeros((O, x.shape[1], K, L))
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                for o in range(O):
                    dW[o] = dy[n, o, i, j] * x[n, :, i:i + K, j:j + L]
    return dW
""",
        "the last window overwrites all others",
    ),
    Try(
        "dW with a mean of the batch",
        """
def conv_grad_W(dy, x, K, L):
    windows = np.lib.stride_tricks.sliding_window_view(x, dy.shape[2:], axis=(2, 3))
    return np.einsum("nohw,ncklhw->nockl", dy, windows).mean(axis=0)
""",
        "a mean over the batch",
    ),
    Try(
        "dW with the channels summed",
        """
def conv_grad_W(dy, x, K, L):
    N, O, rows, columns = dy.shape
    dW = np.zeros((O, x.shape[1], K, L))
    for n in range(N):
        for o in range(O):
            for k in range(K):
                for l in range(L):
                    dW[o, :, k, l] += np.sum(dy[n, o] * x[n, :, k:k + rows, l:l + columns])
    return dW
""",
        "the channels are summed",
        seen="https://github.com/vaibhavnaagar/cnn/issues/1",
    ),
    Try(
        "dW with one mean for all",
        """
def conv_grad_W(dy, x, K, L):
    windows = np.lib.stride_tricks.sliding_window_view(x, dy.shape[2:], axis=(2, 3))
    return np.einsum("nohw,ncklhw->ockl", dy, windows) / dy[:, 0].size
""",
        "a mean over batch and places",
    ),
    Try(
        "dx assigned at each place",
        f"""
def conv_grad_x(dy, W):
{PLACES}
    for n in range(N):
        for o in range(O):
            for i in range(rows):
                for j in range(columns):
                    dx[n, :, i:i + K, j:j + L] = dy[n, o, i, j] * W[o]
    return dx
""",
        "overwrite each other",
    ),
    Try(
        "dx with W rotated in a loop that spreads",
        f"""
def conv_grad_x(dy, W):
{PLACES}
    rotated = np.rot90(W, 2, axes=(2, 3))
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                for o in range(O):
                    dx[n, :, i:i + K, j:j + L] += dy[n, o, i, j] * rotated[o]
    return dx
""",
        "W is the wrong way round",
        seen="https://community.deeplearning.ai/t/should-it-have-a-rot180-on-filter-to-calculate-da-prev/121204",
    ),
    Try(
        "dx as a full correlation with W as it is",
        """
def conv_grad_x(dy, W):
    K, L = W.shape[2:]
    padded = np.pad(dy, ((0, 0), (0, 0), (K - 1, K - 1), (L - 1, L - 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (K, L), axis=(2, 3))
    return np.einsum("nohwkl,ockl->nchw", windows, W)
""",
        "W is the wrong way round",
        seen="https://github.com/wuziheng/CNN-Numpy/issues/2",
    ),
    Try(
        "dx of one window only",
        f"""
def conv_grad_x(dy, W):
{PLACES}
    for o in range(O):
        dx = np.zeros_like(dx)
        for k in range(K):
            for l in range(L):
                share = dy[:, o, None] * W[o, :, k, l][None, :, None, None]
                dx[:, :, k:k + rows, l:l + columns] += share
    return dx
""",
        "only the last one counts",
    ),
    Try(
        "dx with K and L interchanged",
        f"""
def conv_grad_x(dy, W):
{PLACES.replace("_, C, K, L", "_, C, L, K")}
    for k in range(K):
        for l in range(L):
            share = np.einsum("nohw,oc->nchw", dy, W[:, :, l, k])
            dx[:, :, k:k + rows, l:l + columns] += share
    return dx
""",
        place="dx",
        seen="https://github.com/Maratyszcza/NNPACK/issues/15",
    ),
)
