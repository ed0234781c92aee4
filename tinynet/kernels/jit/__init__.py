"""How kernels are compiled, kept, shared, and tied to their equations."""
