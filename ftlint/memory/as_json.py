"""An estimate as the JSON object that `ftlint estimate` prints; `schemas/estimate.json` is its schema."""

from __future__ import annotations

from ftlint.memory.estimate import Assumption, Estimate, Interval, Term


def estimate_json(estimate: Estimate, *, assumptions: tuple[Assumption, ...] = ()) -> dict[str, object]:
    """The object, bytes throughout; `assumptions` are those made before, while the run itself was put together.

    `high` of the GPU is the sum of the terms there are: the assumption `gpu` names those that are missing.
    """
    answer = estimate.deepspeed
    return {
        "run": estimate.run_name,
        "verdict": estimate.verdict.value,
        "gpu": {
            "allocated": interval_json(estimate.gpu_allocated),
            "reserved": interval_json(estimate.gpu_reserved),
            "capacity": None if estimate.gpu_capacity is None else estimate.gpu_capacity.expected_bytes,
            "terms": [_term(term) for term in estimate.gpu_terms],
        },
        "host": {
            "total": interval_json(estimate.host_total),
            "pinned": interval_json(estimate.host_pinned),
            "pageable": interval_json(estimate.host_pageable),
            "capacity": estimate.host_capacity_bytes,
            "terms": [_term(term) for term in estimate.host_terms],
        },
        "deepspeed_estimator": None if answer is None else {"cpu": answer.cpu_bytes, "gpu": answer.gpu_bytes},
        "assumptions": [
            {"key": assumption.key, "value": assumption.value, "why": assumption.why}
            for assumption in (*assumptions, *estimate.assumptions)
        ],
    }


def interval_json(size: Interval) -> dict[str, int]:
    """An interval with its three ends, in bytes."""
    return {"low": size.low_bytes, "expected": size.expected_bytes, "high": size.high_bytes}


def _term(term: Term) -> dict[str, object]:
    return {"name": term.name, "moment": term.moment, **interval_json(term.size), "formula": term.formula}
