"""Sizes as people write them."""

from __future__ import annotations

import pytest

from ftlint.project.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("744GB", 744 * 10**9),
        ("693GiB", 693 * 2**30),
        ("1.5 TB", 1_500_000_000_000),
        ("0.5TiB", 2**39),
        (" 81920 MiB ", 80 * 2**30),
        ("512gb", 512 * 10**9),
        ("512gib", 512 * 2**30),
        ("1PB", 10**15),
    ],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["744", "744G", "GB", "", "-1GB", "0GB", "1e3GB", "744 GB RAM", "744GBiB", "9" * 40 + "GB", "nanGB", "７GB"]
)
def test_what_is_no_size(text: str) -> None:
    assert parse_size(text) is None
