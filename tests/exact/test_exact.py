"""The exact path without a framework: its config, its cache, its errors."""

from __future__ import annotations

from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path

import pytest

from ftlint.cache import write_json
from ftlint.errors import InputError
from ftlint.exact import ExactStep, exact_step, extending
from ftlint.exact.configuration import config_of
from ftlint.knowledge.architectures import parse_architecture
from ftlint.memory.step import Attention
from tools.accuracy import traced_models, traces

ANSWER = ExactStep(
    kept_bytes=1,
    loss_peak_bytes=2,
    layer_peak_bytes=3,
    parameter_bytes=8,
    gradient_bytes=8,
    optimizer_peak_bytes=24,
    output_bytes=5,
    num_params=4,
    depths=(2, 3),
    kernels=("flash",),
    releases=("a",),
)
STEP = traces.steps(traced_models.config_of("llama"), Attention.SDPA, None)[0]


@pytest.fixture(autouse=True)
def without_frameworks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A cache of our own, releases that need not be there, and a tracer that only counts."""
    traced: list[object] = []

    def trace(step: object, releases: object) -> ExactStep:
        traced.append(step)
        return ANSWER

    monkeypatch.setenv("FTLINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(extending, "_releases", lambda: ("torch 2.13.0",))
    monkeypatch.setattr(extending, "_trace", trace)
    return traced


@pytest.mark.parametrize("model_type", list(traced_models.CONFIGS))
def test_a_config_comes_back_from_its_numbers(model_type: str) -> None:
    architecture = parse_architecture(traced_models.config_of(model_type))
    assert architecture is not None
    if architecture.vision is not None:
        with pytest.raises(InputError, match="multimodal"):
            config_of(architecture)
        return
    assert parse_architecture(config_of(architecture)) == architecture


def test_an_answer_is_kept_by_step_and_release(
    without_frameworks: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exact_step(STEP) == exact_step(STEP) == ANSWER
    assert len(without_frameworks) == 1
    exact_step(replace(STEP, micro_batch=7))
    monkeypatch.setattr(extending, "_releases", lambda: ("torch 2.14.0",))
    exact_step(STEP)
    assert len(without_frameworks) == 3


@pytest.mark.parametrize(
    "forged",
    [None, [], {}, {**asdict(ANSWER), "kept_bytes": "1"}, {**asdict(ANSWER), "kept_bytes": -1}, {"kept_bytes": 1}],
)
def test_a_forged_answer_is_traced_again(forged: object, without_frameworks: list[object], tmp_path: Path) -> None:
    exact_step(STEP)
    (path,) = tmp_path.iterdir()
    write_json(path.name, forged)
    assert exact_step(STEP) == ANSWER
    assert len(without_frameworks) == 2


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.undo()
    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(InputError, match=r"ftlint\[exact\]"):
        exact_step(STEP)


def test_quantized_layers_cannot_be_traced() -> None:
    with pytest.raises(InputError, match="4-bit"):
        exact_step(replace(STEP, is_quantized=True))


def test_what_the_framework_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(step: object, releases: object) -> ExactStep:
        raise ValueError("Class validation error\n    ValueError: head_dim=63 is odd\n")

    monkeypatch.undo()
    monkeypatch.setattr(extending, "_traced", refuse)
    with pytest.raises(
        InputError, match=r"^--exact: this llama model cannot be traced: ValueError: head_dim=63 is odd$"
    ):
        extending._trace(STEP, ())
