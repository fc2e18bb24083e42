"""DeepSpeed alone: the product's judge, and the keys that DeepSpeed declares.

They are those of its pydantic models, and those it asks a dictionary for, which is seen by giving it a dictionary that
remembers the questions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

from ftlint.asking.judges.deepspeed import PACKAGES, judge, prepare
from tests.referees.describing import Key, of_model, plain

__all__ = ["PACKAGES", "judge", "keys", "prepare"]

_MARK = "referee_mark"


def keys() -> list[Key]:
    """Every key of every level."""
    found: dict[tuple[str, ...], Key] = {}
    for path, default in _asked_for():
        found[path] = Key("", path, _kinds(default), default=plain(default))
    for path, model in _sections():
        found.setdefault(path, Key("", path, ("dict",)))
        for key in of_model(model, "", path):
            found[key.path] = key
    # What has keys in it is a section, whatever its default.
    sections = {path[:depth] for path in found for depth in range(1, len(path))}
    return [replace(key, kinds=("dict",), default=None) if path in sections else key for path, key in found.items()]


def _kinds(default: Any) -> tuple[str, ...]:
    names = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict"}
    name = names.get(type(default))
    return (name,) if name else ()


class _Listening(dict):  # type: ignore[type-arg]
    """A dictionary that notes which keys it is asked for."""

    def __init__(self, path: tuple[str, ...], asked: dict[tuple[str, ...], Any], values: dict[str, Any]) -> None:
        super().__init__(values)
        self._path, self._asked = path, asked

    def _note(self, name: Any, default: Any = None) -> None:
        path = (*self._path, name)
        if isinstance(name, str) and name != _MARK and self._asked.get(path) is None:
            self._asked[path] = default

    def get(self, name: Any, default: Any = None) -> Any:
        self._note(name, default)
        return super().get(name, default)

    def __getitem__(self, name: Any) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: Any) -> bool:
        self._note(name)
        return super().__contains__(name)

    def keys(self) -> Any:
        return self  # `name in param_dict.keys()` is a question as well

    def __copy__(self) -> _Listening:
        return self

    def __deepcopy__(self, _: Any) -> _Listening:
        return self


def _asked_for() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Key and default of every question, at the top and inside of sections that are read as dictionaries.

    Sections are found by answering each question with a section that listens: what is asked in it is a key of it.
    """
    from deepspeed.runtime import config

    known = {"train_batch_size": 8}
    refused = set(config._REMOVED_TOP_LEVEL_CONFIG_KEYS)
    asked: dict[tuple[str, ...], Any] = {}
    _read(_Listening((), asked, dict(known)))
    seen: set[tuple[str, ...]] = set()
    while todo := [path for path in asked if path not in seen and len(path) < 5 and path[0] not in refused]:
        for path in todo:
            seen.add(path)
            _read(_nested(path, asked, known))
    removed: set[tuple[str, ...]] = {(name,) for name in refused}
    removed |= {("zero_optimization", name) for name in config._REMOVED_ZERO_CONFIG_KEYS}
    for path, default in asked.items():
        if path not in removed and path[0] not in refused:
            yield path, default


def _nested(path: tuple[str, ...], asked: dict[tuple[str, ...], Any], known: dict[str, Any]) -> _Listening:
    inner: Any = _Listening(path, asked, {"enabled": True} if len(path) > 1 else {})
    for depth in range(len(path) - 1, 0, -1):
        inner = _Listening(path[:depth], asked, {path[depth]: inner, "enabled": True})
    return _Listening((), asked, {**known, path[0]: inner})


def _read(written: Any) -> None:
    from deepspeed.runtime.config import DeepSpeedConfig

    try:
        DeepSpeedConfig(written)
    except Exception:  # noqa: BLE001 - a section where a number belongs; what was asked until then is noted
        return


def _sections() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Which pydantic model reads which section at the top: seen by a mark in the section that the model is given."""
    from deepspeed.runtime.config_utils import DeepSpeedConfigModel

    read: list[tuple[str, type]] = []
    original = DeepSpeedConfigModel.__init__

    def marked(self: Any, *arguments: Any, **values: Any) -> None:
        if _MARK in values:
            read.append((values.pop(_MARK), type(self)))
        original(self, *arguments, **values)

    asked: dict[tuple[str, ...], Any] = {}
    _read(_Listening((), asked, {"train_batch_size": 8}))
    with mock.patch.object(DeepSpeedConfigModel, "__init__", marked):
        for name in [path[0] for path in asked if len(path) == 1]:
            _read({"train_batch_size": 8, name: {_MARK: name}})
    for name, model in dict(read).items():
        yield (name,), copy.copy(model)
