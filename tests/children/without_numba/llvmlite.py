"""Stands for an llvmlite that is not installed, where this folder comes first on the path."""

raise ModuleNotFoundError("No module named 'llvmlite'", name="llvmlite")
