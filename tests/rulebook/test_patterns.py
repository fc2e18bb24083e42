"""Patterns from pages: the useful ones pass, those that can run away do not."""

from __future__ import annotations

import time

import pytest

from ftlint.rulebook.patterns import MAX_TEXT_LENGTH, PatternError, bounded_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "CUDA out of memory",
        r"Tried to allocate ([\d.]+) (MiB|GiB)",
        r"expected .* to have dtype .* but got .*",
        r"(?i)mat1 and mat2 must have the same dtype(, but got \w+ and \w+)?",
        r"^(q|k|v)_proj$",
        r"(ab){3}",
        r"(?:abc)*d",
    ],
)
def test_admitted(pattern: str) -> None:
    bounded_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|aa)+$", "(.*)*", r"(a*)\1", ".*.*.*.*x", "a?" * 40 + "a" * 40, "(", "*", "(?P<x>a)(?(x)b|c)"],
)
def test_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        bounded_pattern(pattern)


@pytest.mark.parametrize("pattern", [".*.*x", r"\w+\s?\w*!", "(?:ab)*c"])
def test_admitted_patterns_are_quick_on_long_texts(pattern: str) -> None:
    start = time.perf_counter()
    bounded_pattern(pattern).search("ab" * (MAX_TEXT_LENGTH // 2))
    assert time.perf_counter() - start < 5
