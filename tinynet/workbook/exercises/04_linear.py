"""Linear: every input is wired to every output

The unit of exercise 03, for many numbers at a time: N rows of I inputs each, and O outputs.

    x[n, 0] --* W[0, o]--+
    x[n, 1] --* W[1, o]--+--> sum, + b[o] --> y[n, o]        x (N, I)    W (I, O)
    x[n, 2] --* W[2, o]--+                                   b (O,)      y (N, O)

(1) One output: each input is multiplied by a weight of its own. These products are added up, and
then the bias is added, once.

(2) Many outputs: every output has its own weights and its own bias. W[i, o] is the weight from
input i to output o: a row of W for each input, a column for each output. (Other libraries may
store the transpose.)

(3) Many rows: each row of x goes through the same W and b, and knows of no other row. So
y[n, o] = b[o] + sum over i of x[n, i] * W[i, o].

(4) A matrix product consists of such sums. A (R, K) times B (K, J), in Python A @ B, has the shape
(R, J), and its number [r, j] is the sum over k of A[r, k] * B[k, j]. The two sizes that meet inside
must be equal, and are summed away. So which one stands left, x or W? (A * B is another thing: it
multiplies number by number, and sums nothing.)

(5) To add an array to one with more dimensions, NumPy lines up their shapes at the right end, and
repeats what is missing: (N, O) + (O,) adds the same O numbers to every row. A column b[:, None],
of shape (O, 1), would lie across.
"""

import numpy as np


def linear(x, W, b):
    """y, shape (N, O), from x of shape (N, I), W of shape (I, O) and b of shape (O,)."""
    raise NotImplementedError("yours to write")
