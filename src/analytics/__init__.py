"""Analytics workbench for a provincial epidemic command."""

__version__ = "0.1.0"
