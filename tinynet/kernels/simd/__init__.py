"""The vector type of the loops, and what it means to LLVM."""
