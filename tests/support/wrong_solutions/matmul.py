"""Wrong solutions of 20_matmul.py."""

from wrong_solutions import Try


def plain(body: str) -> str:
    """matmul with these lines in the place of its loops."""
    return f"@njit\ndef matmul(A, B):\n    I, K = A.shape\n    J = B.shape[1]\n{body}    return C\n"


def skipping(body: str) -> str:
    return plain(body).replace("def matmul", "def matmul_skipping_zeros")


TRIES = (
    Try(
        "dot products of rows with rows",
        plain("""
    C = np.zeros((I, J))
    for i in range(I):
        for j in range(J):
            total = 0.0
            for k in range(K):
                total += A[i, k] * B[j, k]
            C[i, j] = total
"""),
        "B is read the other way round",
    ),
    Try(
        "columns of A",
        plain("""
    C = np.zeros((I, J))
    for j in range(J):
        for i in range(I):
            for k in range(K):
                C[i, j] = C[i, j] + A[k, i] * B[k, j]
"""),
        "A is read the other way round",
    ),
    Try(
        "a plain = in the innermost loop",
        plain("""
    C = np.zeros((I, J))
    for i in range(I):
        for j in range(J):
            for k in range(K):
                C[i, j] = A[i, k] * B[k, j]
"""),
        "each product overwrites the one before",
    ),
    Try(
        "one sum for all of a row",
        plain("""
    C = np.empty((I, J))
    for i in range(I):
        total = 0.0
        for j in range(J):
            for k in range(K):
                total += A[i, k] * B[k, j]
            C[i, j] = total
"""),
        "the sum goes on from one number of C to the next",
    ),
    Try(
        "an end that is taken off twice",
        plain("""
    C = np.zeros((I, J))
    k = 0
    while k < K - 1:
        for i in range(I):
            for j in range(J):
                C[i, j] += A[i, k] * B[k, j]
        k += 1
"""),
        "the last k is left out",
    ),
    Try(
        "indices from 1",
        plain("""
    C = np.zeros((I, J))
    for k in range(1, K):
        for i in range(I):
            C[i, :] += A[i, k] * B[k, :]
"""),
        "the first k is left out",
    ),
    Try(
        "C made like A",
        plain("""
    C = np.zeros_like(A)
    for i in range(I):
        for j in range(J):
            total = 0.0
            for k in range(K):
                total += A[i, k] * B[k, j]
            C[i, j] = total
"""),
        "C has the shape of A",
    ),
    Try(
        "whole numbers",
        plain("""
    C = np.zeros((I, J), dtype=np.int32)
    for i in range(I):
        for j in range(J):
            for k in range(K):
                C[i, j] += A[i, k] * B[k, j]
"""),
        "C holds whole numbers only",
    ),
    Try(
        "a loop that runs too far",
        plain("""
    C = np.zeros((I, J))
    for i in range(I):
        for j in range(J):
            for k in range(K + 1):
                C[i, j] += A[i, k] * B[k, j]
"""),
        "it raises IndexError: index",
        seen="https://github.com/numba/numba/issues/8028",
    ),
    Try(
        "the plain one with the zeros left out",
        plain("""
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            if A[i, k]:
                C[i] += A[i, k] * B[k]
"""),
        "the plain product skips zeros, too",
        seen="https://github.com/pydata/sparse/issues/340",
    ),
    Try(
        "zeros multiplied all the same",
        skipping("""
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            if A[i, k] == 0:
                pass
            for j in range(J):
                C[i, j] += A[i, k] * B[k, j]
"""),
        "no zero is skipped",
    ),
    Try(
        "only zero products left out",
        skipping("""
    C = np.zeros((I, J))
    for i in range(I):
        for j in range(J):
            for k in range(K):
                product = A[i, k] * B[k, j]
                if product != 0:
                    C[i, j] += product
"""),
        "no zero is skipped",
    ),
    Try(
        "break for continue",
        skipping("""
    C = np.zeros((I, J))
    for i in range(I):
        for j in range(J):
            for k in range(K):
                if A[i, k] == 0:
                    break
                C[i, j] += A[i, k] * B[k, j]
"""),
        "the rest of the row is dropped",
    ),
    Try(
        "only what is positive",
        skipping("""
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            if A[i, k] <= 0:
                continue
            else:
                C[i] += A[i, k] * B[k]
"""),
        "negative numbers of A are skipped as well",
    ),
    Try(
        "B's zeros as well",
        skipping("""
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            for j in range(J):
                if A[i, k] == 0 or B[k, j] == 0:
                    continue
                C[i, j] += A[i, k] * B[k, j]
"""),
        "zeros of B are skipped as well",
    ),
    Try(
        "NaN turned into 0",
        skipping("""
    C = np.zeros((I, J))
    for i in range(I):
        for k in range(K):
            for j in range(J):
                product = A[i, k] * B[k, j]
                if abs(product) < np.inf:
                    C[i, j] += product
"""),
        "NaN and infinity are skipped wherever they stand",
    ),
    Try(
        "not compiled",
        """
def matmul(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            C[i] += A[i, k] * B[k]
    return C
""",
        "@njit is missing",
    ),
    Try(
        "what Numba does not know",
        plain("""
    C = np.zeros((I, J))
    rows = {"first": 0}
    for i in range(I):
        for j in range(J):
            C[i, j] = sum(a * b for a, b in zip(A[i], B[:, j])) + rows["first"]
"""),
        "it raises NumbaCannotCompile",
    ),
)
