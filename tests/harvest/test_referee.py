"""The schemas against the installed packages: no key is missing, none is invented, and what is checked is checked."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harvest.windows import at, keys_at
from tools.harvest.schemas import TARGET

PACKAGES = ("peft", "transformers", "trl")
SCHEMAS: dict[str, Any] = {name: json.loads((TARGET / f"{name}.json").read_text(encoding="utf-8")) for name in PACKAGES}

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("torch", *PACKAGES)),
        reason="the referee needs torch, transformers, trl and peft (the extra `frameworks`)",
    ),
]


def _installed() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    for name, version in found.items():
        if version not in SCHEMAS[name]["x-releases"]:
            pytest.skip(f"{name} {version} was not read")
    return found


def _object(level: dict[str, Any]) -> Any:
    """The class or function that a level is about, by the first of its names that the installed package knows."""
    for dotted in level["x-imports"]:
        parts = dotted.split(".")
        for length in range(len(parts) - 1, 0, -1):
            try:
                found: Any = importlib.import_module(".".join(parts[:length]))
                for part in parts[length:]:
                    found = getattr(found, part)
            except (ModuleNotFoundError, AttributeError):
                continue
            return found
    raise AssertionError(f"none of {level['x-imports']} can be imported")


def _levels(name: str) -> list[str]:
    """Levels that the newest release has and a script can name."""
    schema = SCHEMAS[name]
    newest = schema["x-releases"][-1]
    return [
        level
        for level, content in schema["$defs"].items()
        if content.get("x-imports") and at(schema, content, newest) is not None
    ]


CASES = [(name, level) for name in PACKAGES for level in _levels(name)]


def _taken_by(thing: Any) -> tuple[set[str], bool]:
    """What Python says can be passed, and whether anything else can: `**kwargs` of a class go to the one above it."""
    owners = [cls for cls in thing.__mro__ if "__init__" in vars(cls)] if isinstance(thing, type) else [thing]
    names: set[str] = set()
    for owner in owners:
        parameters = dict(inspect.signature(vars(owner)["__init__"] if isinstance(owner, type) else owner).parameters)
        parameters.pop("self", None)
        named = {name for name, one in parameters.items() if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
        names |= named
        if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            return names, False
        if not _hands_on(owner):
            break
    return names, True


def _hands_on(owner: Any) -> bool:
    return isinstance(owner, type) and "super().__init__(" in inspect.getsource(vars(owner)["__init__"])


@pytest.mark.parametrize(("name", "level"), CASES, ids=str)
def test_keys_are_those_of_the_package(name: str, level: str) -> None:
    releases = _installed()
    keys = keys_at(SCHEMAS, name, level, releases)
    content = SCHEMAS[name]["$defs"][level]
    taken, takes_any = _taken_by(_object(content))
    assert taken - keys.keys() == set(), "missing"
    # Names that a decorator renames, or that are popped of `**kwargs`, are in no signature.
    renamed = {key for key, shape in keys.items() if shape.get("x-deprecated", {}).get("effect") == "moved"}
    if not takes_any:
        assert keys.keys() - taken - renamed == set(), "invented"
        assert content["x-unknown"] == "error"
    else:
        assert content["x-unknown"] != "error", "unknown keys are accepted"


@pytest.mark.parametrize(("name", "level"), CASES, ids=str)
def test_defaults_are_those_of_the_package(name: str, level: str) -> None:
    keys = keys_at(SCHEMAS, name, level, _installed())
    thing = _object(SCHEMAS[name]["$defs"][level])
    function: Any = inspect.getattr_static(thing, "__init__") if isinstance(thing, type) else thing
    fields = {field.name: field for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else {}
    for key, parameter in inspect.signature(function).parameters.items():
        if key not in keys or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        real: Any = parameter.default
        factory: Any = fields[key].default_factory if key in fields else dataclasses.MISSING
        if factory is not dataclasses.MISSING:
            real = factory()
        said = keys[key]
        if real is parameter.empty:
            assert said.get("x-required"), f"{key} is required"
        elif "default" in said:
            value = real.value if hasattr(real, "value") and not isinstance(real, (bool, int, float)) else real
            plain = json.loads(json.dumps(list(value) if isinstance(value, (set, tuple)) else value))
            assert plain == said["default"], key
        else:
            assert "x-default" in said, f"{key}: {real!r}"


def test_no_settings_class_is_missing() -> None:
    """Every dataclass or settings class that the packages offer at their top has its level."""
    _installed()
    for name in PACKAGES:
        package = importlib.import_module(name)
        known = SCHEMAS[name]["$defs"]
        wanted: Callable[[str], bool] = {
            "transformers": lambda one: (
                one.endswith("TrainingArguments") or one in ("BitsAndBytesConfig", "GPTQConfig")
            ),
            "trl": lambda one: one.endswith(("Config", "Arguments", "Trainer")),
            "peft": lambda one: one.endswith("Config"),
        }[name]
        offered = [one for one in dir(package) if wanted(one) and isinstance(getattr(package, one, None), type)]
        assert offered
        assert [one for one in offered if getattr(package, one).__name__ not in known] == []


def _violations(shape: dict[str, Any]) -> Iterator[object]:
    for check in shape.get("x-checked", ()):
        if "if" in check:
            continue  # another key decides whether it is asked; tests/referees changes such pairs
        if check["kind"] == "enum":
            yield "no such value"
        elif check["kind"] in ("number", "converted"):
            yield "text"
        elif check["kind"] == "instance":
            yield object()
        elif check["kind"] == "range":
            yield from (check[bound] - 1 for bound in ("minimum", "exclusiveMinimum") if bound in check)
            yield from (check[bound] + 1 for bound in ("maximum", "exclusiveMaximum") if bound in check)
            yield "text"


CHECKED = [
    (name, level, key)
    for name, level in CASES
    for key, shape in SCHEMAS[name]["$defs"][level]["properties"].items()
    if any("if" not in check for check in shape.get("x-checked", ())) and "x-until" not in shape
]


@pytest.mark.parametrize(("name", "level", "key"), CHECKED, ids=str)
def test_what_is_checked_raises(name: str, level: str, key: str, tmp_path: Path) -> None:
    """Each violation is refused; without it, the same object can be made."""
    keys = keys_at(SCHEMAS, name, level, _installed())
    constructor = _object(SCHEMAS[name]["$defs"][level])
    logging.disable(logging.WARNING)
    # Enough to make an object on a machine without accelerators.
    base: dict[str, Any] = {"output_dir": str(tmp_path), "use_cpu": True, "bf16": False}
    base |= {other: 1 for other, shape in keys.items() if shape.get("x-required")}
    base = {other: value for other, value in base.items() if other in keys and other != key}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                constructor(**base)
            except (ImportError, TypeError, ValueError) as error:
                pytest.skip(f"cannot be made here: {error}")
            for value in _violations(keys[key]):
                with pytest.raises((TypeError, ValueError, AssertionError, KeyError)):
                    constructor(**{**base, key: value})
    finally:
        logging.disable(logging.NOTSET)
