"""`schemas/hydra.json` against the installed Hydra."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import Any

import pytest

from tests.harvest.newest import Newest

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(importlib.util.find_spec("hydra") is None, reason="the referee needs Hydra"),
]

SCHEMA = Newest("hydra")
PLUGINS = {
    "BasicLauncherConf": "hydra._internal.core_plugins.basic_launcher",
    "BasicSweeperConf": "hydra._internal.core_plugins.basic_sweeper",
}
STRUCTURED = sorted(name for name, level in SCHEMA.levels.items() if level["x-values"] == "omegaconf")


@pytest.fixture(scope="module", autouse=True)
def _same_release() -> None:
    if importlib.import_module("hydra").__version__ != SCHEMA.release:
        pytest.skip(f"the schema's newest release is {SCHEMA.release}")


def conf(name: str) -> Any:
    found: Any = importlib.import_module(PLUGINS.get(name, "hydra.conf"))
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", STRUCTURED)
def test_a_class_has_exactly_these_fields(name: str) -> None:
    assert SCHEMA.keys(name) == {field.name for field in dataclasses.fields(conf(name))}


def test_every_class_is_known() -> None:
    found = {name for name, cls in vars(importlib.import_module("hydra.conf")).items() if dataclasses.is_dataclass(cls)}
    assert found | set(PLUGINS) == {name for name in STRUCTURED if "." not in name}


def test_the_keys_of_an_object() -> None:
    keys: Any = importlib.import_module("hydra._internal.instantiate._instantiate2")._Keys
    assert SCHEMA.keys("object") == {key.value for key in keys}


def test_an_unknown_key_under_hydra_is_refused() -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import ConfigKeyError

    structured = OmegaConf.structured(conf("HydraConf"))
    with pytest.raises(ConfigKeyError):
        OmegaConf.merge(structured, {"no_such_key": 1})


def test_the_names_of_an_enum_are_taken() -> None:
    from omegaconf import OmegaConf

    structured = OmegaConf.structured(conf("HydraConf"))
    for value in SCHEMA.levels["HydraConf"]["properties"]["mode"]["enum"]:
        OmegaConf.merge(structured, {"mode": value})
