"""`schemas/deepspeed.json` against the installed DeepSpeed: which keys it asks for, takes, and refuses."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harvest.newest import Newest
from tools.harvest.deepspeed_optimizers import CLASSES, GIVEN
from tools.harvest.frameworks.deepspeed import KEYS

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="the referee needs DeepSpeed"),
]

SCHEMA = Newest("deepspeed")
MODULES = {
    "deepspeed.comm.config",
    "deepspeed.compile.config",
    "deepspeed.inference.config",
    "deepspeed.monitor.config",
    "deepspeed.runtime.config",
    "deepspeed.runtime.precision_config",
    "deepspeed.runtime.tensor_parallel.config",
    "deepspeed.runtime.zenflow.zenflow_config",
    "deepspeed.runtime.zero.config",
    "deepspeed.runtime.zero.leaf_module_config",
    "deepspeed.runtime.zero.offload_config",
    "deepspeed.utils.config",
}
FILLERS = {
    # TrainingArguments hands its file on to accelerate's plugin, which fills in what is left.
    "transformers": ("transformers.integrations.deepspeed", "accelerate.accelerator", "accelerate.utils.dataclasses"),
    "accelerate": ("accelerate.accelerator", "accelerate.utils.dataclasses"),
}
"""Who replaces `"auto"`, and where it does."""
ROOT = "DeepSpeedConfig"
BASE = {"train_batch_size": 1}
MODELS = sorted(name for name, level in SCHEMA.levels.items() if level["x-values"] == "pydantic")


@pytest.fixture(scope="module", autouse=True)
def _same_release() -> None:
    if importlib.import_module("deepspeed").__version__.partition("+")[0] != SCHEMA.release:
        pytest.skip(f"the schema's newest release is {SCHEMA.release}")


class Recorder(dict[str, Any]):
    """A dictionary that knows what it was asked for."""

    def __init__(self, content: dict[str, Any], asked: set[str]) -> None:
        super().__init__(content)
        self.asked = asked

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def keys(self) -> Any:
        return self

    def __copy__(self) -> Recorder:
        return Recorder(dict(self), self.asked)


def accept(content: dict[str, Any]) -> Any:
    from deepspeed.runtime.config import DeepSpeedConfig

    return DeepSpeedConfig(content)


def model(name: str) -> Any:
    found = [getattr(importlib.import_module(module), name, None) for module in sorted(MODULES)]
    return next(cls for cls in found if cls is not None)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_exactly_these_fields(name: str) -> None:
    fields = model(name).model_fields
    names = {field.alias or key for key, field in fields.items()} | set(fields)
    assert SCHEMA.keys(name) == names


def test_every_model_of_the_configuration_is_known() -> None:
    from deepspeed.runtime.config_utils import DeepSpeedConfigModel

    for module in MODULES:
        importlib.import_module(module)
    read = {cls.__name__ for cls in _below(DeepSpeedConfigModel) if cls.__module__ in MODULES}
    # Pieces that are put together from the root's own keys, and a base class.
    assert read - set(MODELS) == {"BaseQuantConfig", "DeepSpeedMonitorConfig", "TPConfig"} - set(MODELS)


def _below(cls: Any) -> Iterator[Any]:
    for other in cls.__subclasses__():
        yield other
        yield from _below(other)


def test_the_root_is_asked_for_exactly_these_keys() -> None:
    asked: set[str] = set()
    accept(Recorder({**BASE, "zero_optimization": True}, asked))
    accept(Recorder(BASE, asked))
    # The last one is asked for only where a process group is there.
    assert asked == SCHEMA.keys(ROOT, refused=True) - {"sequence_parallel_size"}


def _asked_below() -> Iterator[str]:
    for key, shape in SCHEMA.levels[ROOT]["properties"].items():
        level = shape.get("$ref", "").rpartition("/")[2]
        if level and SCHEMA.levels[level]["x-values"] == "unchecked":
            yield key


@pytest.mark.parametrize("key", sorted(_asked_below()))
def test_a_block_is_asked_for_no_other_keys(key: str) -> None:
    asked: set[str] = set()
    accept({**BASE, key: Recorder({"enabled": False}, asked)})
    assert asked <= SCHEMA.keys(SCHEMA.levels[ROOT]["properties"][key]["$ref"].rpartition("/")[2])
    if key != "pipeline":  # all of it is taken
        assert asked


REFUSED = sorted(SCHEMA.keys(ROOT, refused=True) - SCHEMA.keys(ROOT))


@pytest.mark.parametrize("key", REFUSED)
def test_a_removed_key_is_refused(key: str) -> None:
    with pytest.raises(Exception, match="removed"):
        accept({**BASE, key: {}})


@pytest.mark.parametrize("key", sorted(_asked_below()))
def test_an_unknown_key_in_a_block_is_ignored(key: str) -> None:
    accept({**BASE, key: {"no_such_key": 1}})


@pytest.mark.parametrize(
    "key", ["zero_optimization", "fp16", "bf16", "tensorboard", "wandb", "comms_logger", "compile"]
)
def test_an_unknown_key_in_a_model_is_refused(key: str) -> None:
    with pytest.raises(Exception, match="no_such_key"):
        accept({**BASE, key: {"no_such_key": 1}})


@pytest.mark.parametrize("name", [name for name in MODELS if SCHEMA.levels[name].get("x-auto") == "default"])
def test_auto_is_as_if_the_key_were_not_written(name: str) -> None:
    cls = model(name)
    written = {field.alias or key: "auto" for key, field in cls.model_fields.items() if key != "replace_method"}
    assert cls(**written) == cls()


def test_at_the_root_auto_is_no_default() -> None:
    with pytest.raises(TypeError):
        accept({"train_batch_size": "auto"})


def test_parameters_of_schedules() -> None:
    module = importlib.import_module("deepspeed.runtime.lr_schedules")
    named = {name.partition("[")[2].rstrip("]") for name in SCHEMA.levels if name.startswith("scheduler.params[")}
    assert named == set(module.VALID_LR_SCHEDULES)
    for name in named:
        parameters = set(inspect.signature(getattr(module, name)).parameters)
        assert SCHEMA.keys(f"scheduler.params[{name}]") == parameters - {"optimizer"}


def test_parameters_of_optimizers() -> None:
    config = importlib.import_module("deepspeed.runtime.config")
    named = {name.partition("[")[2].rstrip("]") for name in SCHEMA.levels if name.startswith("optimizer.params[")}
    # Those of the package `mup` are not DeepSpeed's.
    assert named == {name for name in config.DEEPSPEED_OPTIMIZERS if not name.startswith("mu") or name == "muon"}
    for name in named:
        taken = {key for dotted in CLASSES[name] for key in inspect.signature(_named(dotted)).parameters}
        assert SCHEMA.keys(f"optimizer.params[{name}]", refused=True) >= taken - set(GIVEN)


def _named(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_who_fills_auto() -> None:
    """Each integration's own code names every key that it fills, and no other key of ours."""
    filled = json.loads(KEYS.read_text(encoding="utf-8"))["auto"]
    for who, modules in FILLERS.items():
        text = "".join(inspect.getsource(importlib.import_module(module)) for module in modules)
        named = {key for key in re.findall(r'"([a-z0-9_]+(?:\.[a-z0-9_]+)*)"', text) if key in filled or "." in key}
        ours = {key for key, fillers in filled.items() if who in fillers}
        assert ours <= named
        assert {key for key in named if key.startswith(("fp16.", "bf16.", "optimizer.", "scheduler.", "zero_"))} <= ours
