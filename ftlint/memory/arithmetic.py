"""Whole-number arithmetic that several terms need."""

from __future__ import annotations


def ceil_div(dividend: int, divisor: int) -> int:
    """Division rounded up, exact for any size."""
    return -(-dividend // divisor)


def grouped(number: int) -> str:
    """A count with thousands separated, for formulas: `32,763,876,352`."""
    return f"{number:,}"
