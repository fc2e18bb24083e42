"""Multimodal models: the language model is reckoned, what reads images is counted, and its activations are missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftlint.knowledge.architectures import parameter_table
from ftlint.knowledge.models import find_model
from ftlint.memory import Estimate, Moment, Verdict, estimate
from ftlint.memory.estimate import exactly
from ftlint.run.run import AdapterFacts, BatchFacts, Method, ParallelKind, Run, TrainingFacts
from tests.knowledge.variations import MULTIMODAL
from tests.memory.runs import estimated, lora, make_run, maybe_said, said, term

GB = 10**9
QWEN_VL = "Qwen/Qwen2.5-VL-7B-Instruct"
TOWER = 676_550_144
"""Parameters of its vision tower, as others counted them on the released weights."""


def run_of(model_id: str = QWEN_VL, *, length: int | None = 2048, adapter: AdapterFacts | None = None) -> Run:
    model = find_model(model_id)
    assert model is not None
    run = make_run(kind=ParallelKind.SINGLE, stage=None, adapter=adapter or AdapterFacts(method=said(Method.FULL)))
    batch = BatchFacts(
        micro_batch=said(1),
        sequence_length_tokens=maybe_said(length),
        gradient_accumulation=said(1),
        is_filled=said(True),
    )
    training = TrainingFacts(
        optimizer=said("adamw_torch"),
        gradient_checkpointing=said(True),
        attention=said("sdpa"),
        loss=said("full"),
    )
    return replace(run, model=replace(run.model, architecture=said(model.architecture)), batch=batch, training=training)


def frozen(run: Run, *parts: str) -> Run:
    return replace(run, adapter=replace(run.adapter, frozen_parts=said(parts)))


def on_a_gpu_of(num_bytes: int, found: Estimate) -> Estimate:
    return replace(found, gpu_capacity=exactly(num_bytes), host_capacity_bytes=10**13)


def test_images_are_missing_by_name() -> None:
    found = estimated(run_of())
    assert found.gpu_missing == ("activations of images",)
    (said_of_it,) = [each for each in found.assumptions if each.key == "gpu"]
    assert "images" in said_of_it.value
    assert "images" in said_of_it.why
    # The language model's are there.
    assert any(term.name == "layer inputs kept for backward" for term in found.tensor_terms)


def test_where_image_tokens_look_ahead_there_may_be_a_mask() -> None:
    """SDPA's other kernel repeats keys for every query head, and keeps the mask: at the high end alone."""
    gemma, qwen = (estimated(checkpointed(run_of(model_id), False)) for model_id in ("google/gemma-3-4b-it", QWEN_VL))
    kept = [
        next(term.size for term in found.tensor_terms if term.name == "activations kept for backward")
        for found in (gemma, qwen)
    ]
    shares = [size.high_bytes / size.expected_bytes for size in kept]
    assert shares[0] > shares[1] + 0.03


def checkpointed(run: Run, is_on: bool) -> Run:
    return replace(run, training=replace(run.training, gradient_checkpointing=said(is_on)))


def test_without_a_length_both_are_missing() -> None:
    found = estimated(run_of(length=None))
    assert found.gpu_missing == ("activations", "logits and loss", "activations of images")


def test_it_never_fits_and_may_still_be_too_large() -> None:
    found = estimated(run_of())
    assert on_a_gpu_of(1000 * GB, found).gpu_verdict is Verdict.UNKNOWN
    assert replace(on_a_gpu_of(1000 * GB, found), gpu_missing=()).gpu_verdict is Verdict.FITS
    assert on_a_gpu_of(48 * GB, found).gpu_verdict is Verdict.DOES_NOT_FIT


def test_the_language_model_is_played_as_the_text_models_layers_are() -> None:
    """The same numbers as a Qwen2 model: one sequence, so that its tables are as large."""
    of_text = find_model("Qwen/Qwen2.5-7B")
    assert of_text is not None
    run = run_of()
    text_run = replace(run, model=replace(run.model, architecture=said(of_text.architecture)))
    whole, text = estimated(run), estimated(text_run)
    for name in ("logits and loss", "backward of the last layer", "backward of the first layer"):
        assert term(whole, name, on_gpu=True) == term(text, name, on_gpu=True), name


def test_what_reads_images_may_have_no_states() -> None:
    """Without an image in any batch it gets no gradient: that is not part of a proof, and expected all the same."""
    found = estimated(run_of())
    states = term(found, "optimizer states", on_gpu=True)
    assert found.num_trainable_parameters == 8_292_166_656
    assert states.expected_bytes == 4 * 8_292_166_656
    assert states.low_bytes == pytest.approx(4 * (8_292_166_656 - TOWER), abs=8)


def test_frozen_it_is_only_weights() -> None:
    found = estimated(frozen(run_of(), "vision tower", "projection"))
    assert found.num_trainable_parameters == 8_292_166_656 - TOWER
    assert found.num_parameters == 8_292_166_656
    assert term(found, "frozen weights", on_gpu=True) == exactly(2 * TOWER)
    states = term(found, "optimizer states", on_gpu=True)
    assert states.low_bytes == states.expected_bytes == 4 * (8_292_166_656 - TOWER)


def test_a_frozen_language_model_is_not_reckoned() -> None:
    assert estimate(frozen(run_of(), "language model")) is None
    # Of a model that reads text alone such a setting says nothing.
    assert estimate(frozen(run_of("Qwen/Qwen2.5-7B"), "language model")) is not None


def test_gradients_of_the_tower_come_last() -> None:
    found = estimated(run_of())
    (before,) = [
        term.size
        for term in found.tensor_terms
        if term.name == "gradients so far" and term.moments == (Moment.BACKWARD_EMBEDDING,)
    ]
    (after,) = [term.size for term in found.tensor_terms if term.name == "gradients"]
    embedding = 152064 * 3584
    assert after.expected_bytes - before.expected_bytes == 2 * (TOWER + embedding)


def test_all_linear_adapts_the_tower_too() -> None:
    """As PEFT counts it, and LLaMA-Factory does not where it freezes the tower."""
    adapter = lora(rank=8)
    run = run_of(adapter=adapter)
    both, language = estimated(run), estimated(frozen(run, "vision tower", "projection"))
    assert both.num_trainable_parameters - language.num_trainable_parameters == 8 * _tower_widths()
    assert term(both, "optimizer states", on_gpu=True).low_bytes == pytest.approx(
        term(language, "optimizer states", on_gpu=True).low_bytes, abs=16
    )


@pytest.mark.parametrize(
    ("model_id", "num_params"),
    [(QWEN_VL, 8_312_351_744), ("Qwen/Qwen2-VL-7B-Instruct", 8_311_560_704)],
)
def test_as_many_as_llamafactory_prints(model_id: str, num_params: int) -> None:
    """`trainable params: 20,185,088 || all params: 8,312,351,744`, in logs that several people published of rank 8."""
    found = estimated(frozen(run_of(model_id, adapter=lora(rank=8)), "vision tower", "projection"))
    assert (found.num_trainable_parameters, found.num_parameters) == (20_185_088, num_params)


def _tower_widths() -> int:
    """Inputs and outputs of every linear layer of the tower, added up."""
    block = (1280 + 3840) + (1280 + 1280) + 3 * (1280 + 3420)
    return 32 * block + (5120 + 5120) + (5120 + 3584)


def test_the_last_layers_are_the_language_models() -> None:
    adapter = AdapterFacts(method=said(Method.FREEZE), trainable_layers=said(2))
    found = estimated(run_of(adapter=adapter))
    layer = 2 * 3584 * 3584 + 2 * 512 * 3584 + 3584 + 512 + 512 + 3 * 3584 * 18944 + 2 * 3584
    assert found.num_trainable_parameters == 2 * layer


@pytest.mark.parametrize("config", MULTIMODAL, ids=lambda config: str(config["model_type"]))
def test_every_type_has_an_estimate(config: dict[str, object]) -> None:
    run = make_run(config, kind=ParallelKind.SINGLE, stage=None, model_class="AutoModelForImageTextToText")
    batch = BatchFacts(micro_batch=said(2), sequence_length_tokens=said(64))
    found = estimated(replace(run, batch=batch))
    table = parameter_table(run.model.architecture.value, "AutoModelForImageTextToText")  # type: ignore[arg-type]
    assert table is not None
    assert found.num_parameters == table.num_params
    assert "activations of images" in found.gpu_missing
    # Of Llama 3.2 it is not described what layers that look at images compute, nor Llama 4's experts.
    assert ("activations" in found.gpu_missing) == (config["model_type"] in ("llama4", "mllama"))
