"""Amounts as messages say them: bytes in GB of 10^9 as `host-ram` has them, parameters in billions."""

from __future__ import annotations


def billions(count: int) -> str:
    """`8.0 billion`, `124.4 million`."""
    return f"{count / 1e9:.1f} billion" if count >= 10**8 else f"{count / 1e6:.1f} million"


def gigabytes(num_bytes: int) -> str:
    """`141 GB`, `3.2 GB`."""
    return f"{num_bytes / 1e9:.0f} GB" if num_bytes >= 10**10 else f"{num_bytes / 1e9:.1f} GB"


def tenths_of_gigabytes(num_bytes: int) -> str:
    """`16.1 GB`, where two amounts lie close together."""
    return f"{num_bytes / 1e9:.1f} GB"
