"""Which form of each kernel runs: its equation, its plain loop, or its fast one.

The environment variable ``TINYNET_KERNELS``, read when tinynet is imported, chooses the rung:

- ``equations``: every kernel computes its NumPy equation. Nothing is compiled, Numba not imported.
- ``plain``: every kernel is the loop that one would write first, compiled by Numba.
- ``fast``: every kernel is the fastest that there is. So it is if nothing is chosen.

Plain and fast loops give the same bits; equations differ by rounding, since NumPy adds in another
order. Where Numba cannot be imported the equations run, and a warning says so.
"""

import os
import warnings

RUNGS = ("equations", "plain", "fast")
SLOWER = "about 15"  # measured by python -m tinynet, on the equations and as usual


def chosen_rung(name: str) -> tuple[str, str]:
    """The rung of this name, or fast if it is empty; and why nothing is compiled, if so.

    Raises
    ------
    ValueError
        If there is no such rung.
    ImportError
        If it is one of loops, and Numba, which compiles them, cannot be imported.
    """
    if name not in ("", *RUNGS):
        raise ValueError(
            f"TINYNET_KERNELS is {name!r}, expected one of {', '.join(RUNGS)}; set it before "
            "tinynet is imported, or leave it out, which means fast"
        )
    if name == "equations":
        return name, "TINYNET_KERNELS is equations"
    try:
        import numba  # noqa: F401
    except (ImportError, OSError) as error:  # an OSError if LLVM's library does not load
        reason = f"Numba cannot be imported ({error})"
        if name:
            raise ImportError(
                f"TINYNET_KERNELS is {name}, but {reason}; pip install numba, or set it to "
                "equations, which NumPy computes"
            ) from error
        warnings.warn(
            f"tinynet: {reason}, so kernels run as NumPy equations: training takes {SLOWER} times "
            "as long, and nothing is compiled. To have its speed: pip install numba",
            RuntimeWarning,
            stacklevel=2,
        )
        return "equations", reason
    return name or "fast", ""


RUNG, WHY_NOT_COMPILED = chosen_rung(os.environ.get("TINYNET_KERNELS", ""))

COMPILES = not WHY_NOT_COMPILED
"""Whether loops are compiled. Only then is Numba imported, and only in ``jit/`` and ``simd/``."""
