"""Where the cache is, and that it never is where it should not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.cache import cache_folder, read_json, write_json


def test_named_folder_wins_over_xdg_wins_over_the_users() -> None:
    assert cache_folder({"FTLINT_CACHE_DIR": "here", "XDG_CACHE_HOME": "/xdg"}) == Path("here")
    assert cache_folder({"FTLINT_CACHE_DIR": "", "XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/ftlint")
    users = cache_folder({"XDG_CACHE_HOME": "relative"})
    assert users is not None
    assert users.is_absolute()
    assert users.name == "ftlint"


def test_nobody_without_a_home_gets_a_cache_in_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: Path("~/.cache/ftlint"))
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    monkeypatch.delenv("FTLINT_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() is None
    write_json("x.json", 1)
    assert read_json("x.json") is None


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLINT_CACHE_DIR", str(tmp_path / "a" / "b"))
    assert read_json("x.json") is None
    write_json("x.json", {"y": [1, "ü"]})
    assert read_json("x.json") == {"y": [1, "ü"]}
    with pytest.raises(TypeError):
        write_json("x.json", object())
    assert read_json("x.json") == {"y": [1, "ü"]}
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["x.json"]
