"""Whether a run has room, as advice asks it: what nobody told us of cannot stand in the way."""

from __future__ import annotations

from ftlint.memory.estimate import Estimate, Verdict


def fits(estimate: Estimate) -> bool:
    """Whether the GPU's high end is within capacity, and the node's where its RAM is known."""
    return estimate.gpu_verdict is Verdict.FITS and _has_host_room(estimate)


def may_fit(estimate: Estimate) -> bool:
    """Whether what cannot be done without is expected to be within capacity."""
    capacity = estimate.gpu_capacity
    if capacity is None or estimate.gpu_missing or estimate.gpu_needed.expected_bytes > capacity.expected_bytes:
        return False
    ram_bytes = estimate.host_capacity_bytes
    return ram_bytes is None or estimate.host_total.expected_bytes <= ram_bytes


def can_be_judged(estimate: Estimate) -> bool:
    """Whether there is a verdict at all on the GPU."""
    return estimate.gpu_verdict is not Verdict.UNKNOWN


def _has_host_room(estimate: Estimate) -> bool:
    return estimate.host_capacity_bytes is None or estimate.host_verdict is Verdict.FITS
