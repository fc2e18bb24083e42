"""Patterns of the settings mean what the same patterns mean in .gitignore."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ftlint.project.globs import glob_matches

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("configs/*.conf", "configs/a.conf", True),
        ("configs/*.conf", "configs/sub/a.conf", False),
        ("configs/*.conf", "other/configs/a.conf", False),
        ("configs/**/*.conf", "configs/a.conf", True),
        ("configs/**/*.conf", "configs/x/y/a.conf", True),
        ("**/ds.json", "ds.json", True),
        ("**/ds.json", "a/b/ds.json", True),
        ("**/ds.json", "a/b/xds.json", False),
        ("*.ipynb", "a/b/n.ipynb", True),
        ("legacy", "a/legacy/b/c.json", True),
        ("legacy/", "a/legacy/b/c.json", True),
        ("configs/legacy", "configs/legacy/b/c.json", True),
        ("configs/legacy/*", "configs/legacy/b/c.json", True),
        ("./configs/a.json", "configs/a.json", True),
        ("/configs/a.json", "configs/a.json", True),
        ("/a.json", "configs/a.json", False),
        ("configs/**", "configs/a/b.json", True),
        ("**", "a.json", True),
        ("ds_?.json", "ds_3.json", True),
        ("ds_[!3].json", "ds_3.json", False),
        ("ds_[1-3].json", "x/ds_3.json", True),
        ("a[.json", "a[.json", True),
        ("a.json", "A.json", False),
    ],
)
def test_patterns(pattern: str, path: str, expected: bool) -> None:
    assert glob_matches(pattern, ROOT / path, ROOT) is expected


def test_other_projects_are_not_meant() -> None:
    assert not glob_matches("**", Path("/elsewhere/a.json"), ROOT)


def test_many_stars_do_not_take_exponential_time() -> None:
    start = time.perf_counter()
    assert not glob_matches("**/a/" * 30 + "b", ROOT / ("a/" * 200 + "c"), ROOT)
    assert time.perf_counter() - start < 2
