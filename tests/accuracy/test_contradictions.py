"""Rows that contradict themselves are found; rows that are merely unusual are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tools.accuracy.cases import Case, load_cases
from tools.accuracy.contradictions import contradicted_ids, contradictions

GIB = 2**30
PARAMS = 7 * 10**9


def row(name: str = "a", *, allocated: int | None = 75 * GIB, reserved: int | None = None, **said: Any) -> Case:
    said = {
        "method": "full", "optimizer": "adamw_torch", "num_parameters": PARAMS, "gpus_per_node": 1, "nodes": 1,
        "gpu": "A100-80GB", "parallel": "single", "micro_batch": 4, **said,
    }  # fmt: skip
    return Case(
        id=name, group="g", source="https://github.com/a/b", tier="A", outcome="ran", model="m", framework=None,
        allocated_bytes=allocated, resident_bytes=None, reserved_bytes=reserved, reserved_by=None, said=said,
    )  # fmt: skip


def found(*rows: Case) -> list[tuple[str, ...]]:
    return [contradiction.ids for contradiction in contradictions(rows)]


def test_fewer_bytes_than_the_states_take() -> None:
    assert found(row(allocated=8 * PARAMS)) == []
    assert found(row(allocated=8 * PARAMS - 1)) == [("a",)]
    assert found(row(allocated=8 * PARAMS - 1, optimizer="adamw_bnb_8bit")) == []
    assert found(row(allocated=8 * PARAMS - 1, method="lora")) == []
    assert found(row(allocated=2 * PARAMS, parallel="zero", offload_optimizer="cpu")) == []
    assert found(row(allocated=8 * PARAMS // 4, gpus_per_node=4, parallel="fsdp")) == []
    assert found(row(allocated=8 * PARAMS // 4, gpus_per_node=4, parallel="ddp")) == [("a",)]


def test_more_than_there_is() -> None:
    assert found(row(reserved=81 * GIB)) == []
    assert found(row(reserved=84 * GIB)) == [("a",)]
    assert found(row(allocated=None, num_parameters=11 * 10**9)) == [("a",)]
    assert found(replace(row(allocated=None, num_parameters=11 * 10**9), outcome="gpu out of memory")) == []


def test_figures_that_exclude_each_other() -> None:
    assert found(replace(row(), resident_bytes=76 * GIB)) == [("a",)]
    assert found(row(allocated=70 * GIB, reserved=69 * GIB)) == [("a",)]


def test_equal_runs_with_different_figures() -> None:
    first, same, other = row("a"), row("b", allocated=75 * GIB + 1), row("c", allocated=77 * GIB)
    assert found(first, same) == []
    assert found(first, same, other) == [("a", "b", "c")]
    assert found(first, replace(other, said={**other.said, "seq_len": 2048})) == []


def test_a_larger_batch_never_takes_less() -> None:
    small, large = row("a", micro_batch=2), row("b", micro_batch=8, allocated=70 * GIB)
    assert found(large, small) == [("a", "b")]
    assert found(small, row("b", micro_batch=8)) == []


def test_published_rows() -> None:
    cases = load_cases()
    named = contradicted_ids(cases)
    assert named <= {case.id for case in cases}
    assert len(named) < 20, "a rule that doubts so many rows doubts itself"
