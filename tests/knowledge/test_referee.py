"""Our tables against the real classes of transformers, built on torch's meta device: names, shapes, order, linears."""

from __future__ import annotations

import importlib.util

import pytest

from ftlint.knowledge.architectures import LinearModule, parameter_table, parse_architecture
from ftlint.knowledge.bundled import load_object
from tests.knowledge.variations import VARIATIONS

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")),
        reason="the referee needs torch and transformers (the extra `exact`)",
    ),
]

NUM_LABELS = 3


@pytest.fixture(autouse=True, scope="module")
def _generation_5() -> None:
    import transformers

    # Our data and the default layout are those of generation 5; the older layout was checked against 4.57.1 by hand.
    if int(transformers.__version__.split(".")[0]) < 5:
        pytest.skip("the referee's tables are those of transformers 5")


def _architectures() -> list[dict[str, object]]:
    configs = load_object("models.json")["architectures"]
    assert isinstance(configs, list)
    return configs


def _same(config: dict[str, object]) -> None:
    import torch
    from transformers.pytorch_utils import Conv1D

    from tools.harvest.counts import classes_of, count, instantiate

    architecture = parse_architecture(config)
    assert architecture is not None
    for name in classes_of(config):
        model = instantiate(config, name, NUM_LABELS)
        table = parameter_table(architecture, name, NUM_LABELS)
        assert table is not None, name
        real = [(key, tuple(tensor.shape)) for key, tensor in model.named_parameters()]
        assert [(tensor.name, tensor.shape) for tensor in table] == real, name
        assert (table.num_params, table.largest_layer) == count(model), name
        assert {_key(module) for module in table.linear_modules()} == {
            (key, *_features(module), module.bias is not None)
            for key, module in model.named_modules()
            if isinstance(module, torch.nn.Linear | Conv1D)
        }, name


def _key(module: LinearModule) -> tuple[object, ...]:
    return (module.name, module.in_features, module.out_features, module.has_bias)


def _features(module: object) -> tuple[int, int]:
    if hasattr(module, "in_features") and hasattr(module, "out_features"):
        return module.in_features, module.out_features
    return tuple(module.weight.shape)  # type: ignore[attr-defined]  # Conv1D: in x out


@pytest.mark.parametrize("config", VARIATIONS, ids=lambda config: str(config["model_type"]))
def test_every_switch(config: dict[str, object]) -> None:
    _same(config)


@pytest.mark.parametrize("config", _architectures(), ids=lambda config: str(config["model_type"]))
def test_every_architecture_of_the_catalogue(config: dict[str, object]) -> None:
    _same(config)


def test_defaults_are_those_of_the_installed_release() -> None:
    from tools.harvest import architectures as harvest

    committed = load_object("architectures.json")
    assert {name: harvest.entry_of(name) for name in committed} == committed
