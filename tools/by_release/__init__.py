"""Holds what rule pages say of releases against the releases themselves; `python -m tools.by_release --help`."""
