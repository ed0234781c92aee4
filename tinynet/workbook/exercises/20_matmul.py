"""The matrix product as loops, and its zeros

So far NumPy has done the products. Now you write them: three loops, and Numba's @njit turns them
into machine code, the way the loops of tinynet's own kernels are.

    A (I, K)      C[i, j] = sum over k of A[i, k] * B[k, j]
    B (K, J)
    C (I, J)

(1) One number of C is a sum of K products. Row i of A and column j of B walk along k together, so
k is the last index of A and the first of B. Every sum begins with 0, and every product is added.

(2) The loops may stand in any order, for the same products are added to the same numbers. How fast
they are differs. An array lies in memory row by row: where j is the innermost loop, B[k, j] and
C[i, j] are read one after the other, and the compiler takes several at a time. Where k is the
innermost, B[k, j] jumps by a whole row at each step.

(3) After a ReLU about half of the numbers of A are 0, and of the pixels of a digit four in five.
A zero adds nothing to C, whatever stands in B, so its products can be left out. Ask once for each
A[i, k] whether it is 0, and not once for each product; the order of the loops decides whether you
can. Then go on with the next k.

(4) There is a price. In floating-point arithmetic (IEEE 754) 0 * inf and 0 * NaN are NaN. Who skips
the zeros of A gets 0 in their place. tinynet's Linear does so, and says so: it is the one departure
from IEEE arithmetic in the library. The plain product skips nothing, and NaN comes through, as
NumPy has it. Only zeros of A are skipped; a zero of B, or a NaN, takes part as any number does.

(5) Import njit from numba, and put @njit on the line above each function: it is compiled when it is
called first. Numba knows loops, numbers, NumPy's arrays and most of its functions. It does not look
whether an index lies inside an array: a loop that runs too far reads what happens to lie there. So
the check runs your functions as plain Python first. Write your own loops here, without @ or np.dot.
"""

import numpy as np


def matmul(A, B):
    """A @ B, shape (I, J), from A of shape (I, K) and B of shape (K, J)."""
    raise NotImplementedError("yours to write")


def matmul_skipping_zeros(A, B):
    """The same, but where A[i, k] is 0, nothing is multiplied: 0 * NaN counts as 0."""
    raise NotImplementedError("yours to write")
