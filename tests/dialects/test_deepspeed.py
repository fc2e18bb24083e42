"""DeepSpeed's JSON in the words of a run."""

from __future__ import annotations

import pytest

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import OffloadDevice, ParallelFacts, ParallelKind
from ftlint.syntax.document import Format
from tests.dialects.reading import lowered


def parallel(text: str, deepspeed: str = "0.16.3") -> ParallelFacts:
    return lowered("deepspeed", text, Format.JSON, deepspeed=deepspeed).facts.parallel


def test_stage_and_offload() -> None:
    facts = parallel(
        '{"zero_optimization": {"stage": 3, "sub_group_size": 1e8,'
        ' "offload_optimizer": {"device": "nvme"}, "offload_param": {"device": "cpu", "pin_memory": true}}}'
    )
    assert facts.kind.value is ParallelKind.ZERO
    assert facts.zero_stage.value == 3
    assert facts.offload_optimizer.value is OffloadDevice.NVME
    assert facts.offload_param.value is OffloadDevice.CPU
    assert facts.pin_param.value is True
    assert facts.sub_group_size.value == 10**8


def test_what_is_not_written_has_deepspeeds_default() -> None:
    facts = parallel("{}")
    assert facts.zero_stage.value == 0
    assert facts.offload_param.value is OffloadDevice.NONE
    assert facts.zero_stage.location is None


def test_the_flags_of_old_releases() -> None:
    assert parallel('{"zero_optimization": {"stage": 2, "cpu_offload": true}}').offload_optimizer.value is (
        OffloadDevice.CPU
    )


@pytest.mark.parametrize("stage", ['"3"', "true", "7", "3.5", "[3]", '{"a": 3}'])
def test_a_stage_of_the_wrong_kind_is_unknown(stage: str) -> None:
    assert parallel(f'{{"zero_optimization": {{"stage": {stage}}}}}').zero_stage.value is UNKNOWN


def test_auto_is_left_to_the_integration() -> None:
    facts = lowered("deepspeed", '{"bf16": {"enabled": "auto"}, "train_micro_batch_size_per_gpu": "auto"}', Format.JSON)
    assert not facts.facts.precision.compute.said
    assert not facts.facts.batch.micro_batch.said


def test_engine_dtype() -> None:
    assert (
        lowered("deepspeed", '{"bf16": {"enabled": true}}', Format.JSON).facts.precision.compute.value is DType.BFLOAT16
    )
    both = lowered("deepspeed", '{"bf16": {"enabled": true}, "fp16": {"enabled": true}}', Format.JSON)
    assert both.facts.precision.compute.value is UNKNOWN


def test_nothing_is_a_default_in_a_broken_file() -> None:
    assert not parallel('{"zero_optimization": {"stage": ').offload_param.known


def test_switches_that_halve_the_optimizers_copies() -> None:
    text = '{"bf16": {"enabled": true, "bf16_master_weights_and_grads": true, "bf16_optimizer_states": true}}'
    precision = lowered("deepspeed", text, Format.JSON).facts.precision
    assert (precision.master.value, precision.optimizer_states.value) == (DType.BFLOAT16, DType.BFLOAT16)
    assert not lowered("deepspeed", '{"bf16": {"enabled": true}}', Format.JSON).facts.precision.master.said


def test_partial_and_special_offload() -> None:
    text = '{"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "cpu", "ratio": 0.3}}}'
    assert parallel(text).offload_optimizer_ratio.value == 0.3
    special = text.replace('"ratio": 0.3', '"super_offload": true')
    assert parallel(special).offload_optimizer.value is UNKNOWN


@pytest.mark.parametrize(("size", "kind"), [("4", UNKNOWN), ("1", ParallelKind.ZERO), ("0", ParallelKind.ZERO)])
def test_ranks_that_share_a_layers_weights_are_no_zero_alone(size: str, kind: object) -> None:
    text = f'{{"zero_optimization": {{"stage": 1}}, "tensor_parallel": {{"autotp_size": {size}}}}}'
    assert parallel(text).kind.value is kind
