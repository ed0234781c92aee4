"""Which tinynet this is."""

__version__ = "0.9.0"
