"""Every exercise solved: what the names of the workbook mean, in the order of the exercises.

This is what a claim compares with where differences cannot serve. The tests solve a whole workbook
with these lines, and compare them with the library's own. ``mine`` is what the exercises call their
earlier parts; here, all of them stand in one file.
"""

import sys
from typing import Any

import numpy as np

from tinynet.kernels.jit.compile import njit

mine: Any = sys.modules[__name__]


# 01 slopes
def slope(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        slopes[place] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes


# 02 ReLU
def relu(x):
    return np.maximum(x, 0)


def relu_backward(dy, x):
    return np.where(x > 0, dy, 0)


# 03 a linear unit with one number each
def unit(x, w, b):
    return x * w + b


def unit_backward(dy, x, w):
    return dy * w, dy * x, dy


# 04 linear
def linear(x, W, b):
    return x @ W + b


# 05 dW
def grad_W(dy, x):
    return x.T @ dy


# 06 db
def grad_b(dy):
    return dy.sum(axis=0)


# 07 dx
def grad_x(dy, W):
    return dy @ W.T


# 08 Parameter
class Parameter:
    def __init__(self, data):
        self.data = np.array(data, dtype=float)
        self.grad = np.zeros_like(self.data)

    def accumulate(self, gradient):
        self.grad += gradient

    def zero_grad(self):
        self.grad = np.zeros_like(self.data)


class Linear:
    def __init__(self, W, b):
        self.W = Parameter(W)
        self.b = Parameter(b)

    def forward(self, x):
        self.x = x
        return mine.linear(x, self.W.data, self.b.data)

    def backward(self, dy):
        self.W.accumulate(mine.grad_W(dy, self.x))
        self.b.accumulate(mine.grad_b(dy))
        return mine.grad_x(dy, self.W.data)

    def parameters(self):
        return [self.W, self.b]


# 09 softmax
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dy, y):
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


# 10 log-softmax
def log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_backward(dy, y):
    return dy - np.exp(y) * dy.sum(axis=1, keepdims=True)


# 11 NLL
def nll(log_p, target):
    return float(-log_p[np.arange(len(target)), target].mean())


def nll_backward(log_p, target):
    dlog_p = np.zeros_like(log_p)
    dlog_p[np.arange(len(target)), target] = -1 / len(target)
    return dlog_p


# 12 cross-entropy
def cross_entropy(x, target):
    return mine.nll(mine.log_softmax(x), target)


def cross_entropy_backward(x, target):
    dx = mine.softmax(x)
    dx[np.arange(len(target)), target] -= 1
    return dx / len(target)


# 13 the chain
class ReLU:
    def forward(self, x):
        self.x = x
        return mine.relu(x)

    def backward(self, dy):
        return mine.relu_backward(dy, self.x)

    def parameters(self):
        return []


class LogSoftmax:
    def forward(self, x):
        self.y = mine.log_softmax(x)
        return self.y

    def backward(self, dy):
        return mine.log_softmax_backward(dy, self.y)

    def parameters(self):
        return []


class Sequential:
    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def parameters(self):
        return [parameter for layer in self.layers for parameter in layer.parameters()]


# 14 SGD
class SGD:
    def __init__(self, parameters, lr):
        self.parameters = list(parameters)
        self.lr = lr

    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * p.grad

    def zero_grad(self):
        for p in self.parameters:
            if p.grad is not None:
                p.grad = np.zeros_like(p.data)


# 15 momentum
class Momentum(mine.SGD):
    def __init__(self, parameters, lr, momentum=0.9):
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.velocities = [np.zeros_like(p.data) for p in self.parameters]

    def step(self):
        for p, v in zip(self.parameters, self.velocities):
            if p.grad is not None:
                v *= self.momentum
                v += p.grad
                p.data -= self.lr * v


# 16 Adam
class Adam(mine.SGD):
    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr)
        self.betas, self.eps, self.t = betas, eps, 0
        self.means = [np.zeros_like(p.data) for p in self.parameters]
        self.squares = [np.zeros_like(p.data) for p in self.parameters]

    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for p, m, v in zip(self.parameters, self.means, self.squares):
            if p.grad is not None:
                m[...] = beta1 * m + (1 - beta1) * p.grad
                v[...] = beta2 * v + (1 - beta2) * p.grad**2
                direction, square = m / (1 - beta1**self.t), v / (1 - beta2**self.t)
                p.data -= self.lr * direction / (np.sqrt(square) + self.eps)


# 17 the epoch
def train_epoch(net, loss, loss_backward, optimizer, batches):
    losses, hits, samples = 0.0, 0, 0
    for x, target in batches:
        y = net.forward(x)
        losses += loss(y, target) * len(x)
        hits += np.sum(y.argmax(axis=1) == target)
        samples += len(x)
        optimizer.zero_grad()
        net.backward(loss_backward(y, target))
        optimizer.step()
    return losses / samples, 100 * hits / samples


def evaluate(net, loss, X, y):
    outputs = net.forward(X)
    return loss(outputs, y), 100 * np.mean(outputs.argmax(axis=1) == y)


# 18 first weights
def he(I, O, rng):
    return rng.standard_normal((I, O)) * np.sqrt(2 / I)


def glorot(I, O, rng):
    return rng.standard_normal((I, O)) * np.sqrt(2 / (I + O))


# 19 dropout
class Dropout:
    def __init__(self, p, rng):
        self.p = p
        self.rng = rng
        self.training = True

    def forward(self, x):
        self.mask = None
        if not self.training:
            return x.copy()
        self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dy):
        return dy.copy() if self.mask is None else dy * self.mask

    def parameters(self):
        return []


# 20 matmul
@njit
def matmul(A, B):
    (I, K), J = A.shape, B.shape[1]
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            for j in range(J):
                C[i, j] += A[i, k] * B[k, j]
    return C


@njit
def matmul_skipping_zeros(A, B):
    (I, K), J = A.shape, B.shape[1]
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            if A[i, k] != 0:
                for j in range(J):
                    C[i, j] += A[i, k] * B[k, j]
    return C


# 21 convolution
def conv(x, W):
    (N, _, H, width), (O, _, K, L) = x.shape, W.shape
    rows, columns = H - K + 1, width - L + 1
    y = np.zeros((N, O, rows, columns))
    for k in range(K):
        for l in range(L):
            shifted = x[:, :, k : k + rows, l : l + columns]
            y += np.einsum("nchw,oc->nohw", shifted, W[:, :, k, l])
    return y


def conv_grad_W(dy, x, K, L):
    rows, columns = dy.shape[2:]
    dW = np.zeros((dy.shape[1], x.shape[1], K, L))
    for k in range(K):
        for l in range(L):
            shifted = x[:, :, k : k + rows, l : l + columns]
            dW[:, :, k, l] = np.einsum("nohw,nchw->oc", dy, shifted)
    return dW


def conv_grad_x(dy, W):
    (N, _, rows, columns), (_, C, K, L) = dy.shape, W.shape
    dx = np.zeros((N, C, rows + K - 1, columns + L - 1))
    for k in range(K):
        for l in range(L):
            share = np.einsum("nohw,oc->nchw", dy, W[:, :, k, l])
            dx[:, :, k : k + rows, l : l + columns] += share
    return dx


# 22 MNIST
def build(rng):
    layers = []
    for I, O in [(784, 64), (64, 32), (32, 32), (32, 10)]:
        layers += [mine.Linear(mine.he(I, O, rng), np.zeros(O)), mine.ReLU()]
    return mine.Sequential([*layers[:-1], mine.LogSoftmax()])


def train(net, X, y, rng):
    optimizer = mine.Momentum(net.parameters(), lr=0.02)
    for epoch in range(10):
        if epoch == 7:
            optimizer.lr /= 10
        order = rng.permutation(len(X))
        batches = ((X[rows], y[rows]) for rows in np.array_split(order, len(X) // 32 + 1))
        loss, accuracy = mine.train_epoch(net, mine.nll, mine.nll_backward, optimizer, batches)
        print(f"epoch {epoch + 1}: loss {loss:.4f}, {accuracy:.2f} % right")
