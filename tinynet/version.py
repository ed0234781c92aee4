"""Which tinynet this is."""

__version__ = "0.7.0"
