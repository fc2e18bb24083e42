"""`schemas/axolotl.json` against the installed Axolotl's models (without most of its dependencies)."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from tests.harvest.newest import Newest

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(importlib.util.find_spec("axolotl") is None, reason="the referee needs Axolotl"),
]

SCHEMA = Newest("axolotl")
ROOT = "AxolotlInputConfig"
PLUGINS = sorted({s["x-plugin"] for s in SCHEMA.levels[ROOT]["properties"].values() if "x-plugin" in s})
REQUIRED = {
    "base_model": "some/model",
    "learning_rate": 1e-4,
    "micro_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "datasets": [{"path": "some/data", "type": "alpaca"}],
}


def models() -> dict[str, Any]:
    """Every model that the root leads to, by name."""
    config = importlib.import_module("axolotl.utils.schemas.config")
    if importlib.metadata.version("axolotl") != SCHEMA.release:
        pytest.skip(f"the schema's newest release is {SCHEMA.release}")
    found: dict[str, Any] = {}
    todo = [config.AxolotlInputConfig]
    while todo:
        cls = todo.pop()
        if cls.__name__ not in found:
            found[cls.__name__] = cls
            for field in cls.model_fields.values():
                todo += _models_in(field.annotation)
    return found


def _models_in(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def names(cls: Any) -> set[str]:
    """The keys by which a model's fields may be written."""
    takes_names = cls.model_config.get("populate_by_name", False)
    found: set[str] = set()
    for name, field in cls.model_fields.items():
        other = field.validation_alias
        found |= set(other.choices if hasattr(other, "choices") else [other] if other else [name])
        found |= {name} if takes_names else set()
    return found


def test_models_have_exactly_these_fields() -> None:
    for name, cls in models().items():
        shapes = SCHEMA.levels[name]["properties"]
        own = {key for key, shape in shapes.items() if not {"x-plugin", "x-unread"} & shape.keys()}
        taken_before = {key for key in own - names(cls) if "x-deprecated" in shapes[key]}
        assert own - taken_before == names(cls), name


def test_unknown_keys_meet_what_the_schema_says() -> None:
    for name, cls in models().items():
        expected = {"forbid": "error", "allow": "open"}.get(cls.model_config.get("extra", "ignore"), "ignored")
        assert SCHEMA.levels[name]["x-unknown"] == expected, name


def test_defaults_are_those_of_the_fields() -> None:
    for name, cls in models().items():
        for key, field in cls.model_fields.items():
            shape = SCHEMA.levels[name]["properties"].get(field.alias or key, {})
            if "default" in shape and not field.is_required():
                default = field.get_default(call_default_factory=True)
                plain = getattr(default, "value", default)
                assert plain == shape["default"] or hasattr(plain, "model_fields"), (name, key)
            elif "x-default" not in shape:
                assert shape.get("x-required", False) == field.is_required(), (name, key)


def test_a_key_that_is_refused_raises() -> None:
    config = models()[ROOT]
    config(**REQUIRED)
    refused = {
        key
        for key, shape in SCHEMA.levels[ROOT]["properties"].items()
        if shape.get("x-deprecated", {}).get("effect") == "error" and "x-plugin" not in shape
    }
    assert refused
    for key in refused:
        with pytest.raises((ValueError, DeprecationWarning)):
            config(**REQUIRED, **{key: 1})


def test_a_key_that_nothing_reads_is_lost() -> None:
    config = models()[ROOT]
    made = config(**REQUIRED, no_such_key=1, capabilities={"n_gpu": 1})
    assert {"no_such_key", "capabilities"}.isdisjoint(made.model_dump())


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_adds_these_keys(plugin: str) -> None:
    models()
    module, _, name = plugin.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)()
        package, _, last = made.get_input_args().rpartition(".")
        added = getattr(importlib.import_module(package), last)
    except ImportError as error:
        pytest.skip(f"not importable here: {error}")
    shapes = SCHEMA.levels[ROOT]["properties"]
    ours = {key for key, shape in shapes.items() if shape.get("x-plugin") == plugin}
    refused = {key for key in ours if "x-deprecated" in shapes[key]}
    elsewhere = {key for key, shape in shapes.items() if shape.get("x-plugin") != plugin}
    assert ours - refused <= names(added)
    assert names(added) <= ours | elsewhere
