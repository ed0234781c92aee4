"""Stands for a Numba that is not installed, where this folder comes first on the path."""

raise ModuleNotFoundError("No module named 'numba'", name="numba")
