"""An estimate for a person: bars per moment and device, the verdict, the terms, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ftlint.memory.estimate import (
    PASS,
    Assumption,
    Estimate,
    Interval,
    Moment,
    Term,
    Verdict,
    exactly,
    sums_by_moment,
)
from ftlint.record import record
from ftlint.report.color import Palette
from ftlint.report.facts import gib, origin_text, value_text
from ftlint.report.places import Places
from ftlint.report.visible import visible

_BAR_CELLS = 40
_LEGEND = f"{'':4}# at least   = expected   - at most   | capacity"


@record
class _Device:
    """One of the two memories an estimate speaks of."""

    title: str
    remark: str
    terms: tuple[Term, ...]
    peak: Interval
    capacity: Interval | None
    verdict: Verdict


def render_estimate(
    estimate: Estimate, places: Places, palette: Palette, *, assumptions: tuple[Assumption, ...] = ()
) -> str:
    """The whole estimate as text that ends with a line end.

    `assumptions` are those made before, while the run itself was put together.
    """
    sections = (
        _headline(estimate, palette),
        *(_device(device, palette) for device in _devices(estimate)),
        _remarks(estimate),
        _terms(estimate, palette),
        _assumptions((*assumptions, *estimate.assumptions), palette),
        _facts(estimate, places, palette),
    )
    return "\n\n".join(text for section in sections if (text := "\n".join(section))) + "\n"


def _devices(estimate: Estimate) -> tuple[_Device, ...]:
    gpu, host = estimate.tensor_terms, estimate.host_terms
    ram = None if estimate.host_capacity_bytes is None else exactly(estimate.host_capacity_bytes)
    reserved = f"reserved by the process: {_range(estimate.gpu_reserved)}" if len(estimate.gpu_terms) > len(gpu) else ""
    pinned = f"pinned: {_range(estimate.host_pinned)}" if estimate.host_pinned.high_bytes else ""
    return (
        _Device("GPU, each", reserved, gpu, estimate.gpu_allocated, estimate.gpu_capacity, estimate.gpu_verdict),
        _Device("Host RAM, per node", pinned, host, estimate.host_total, ram, estimate.host_verdict),
    )


def _headline(estimate: Estimate, palette: Palette) -> Iterator[str]:
    yield f"{palette.strong(visible(estimate.run_name) or 'run')}: {_verdict(estimate.verdict, palette)}"
    yield f"{estimate.num_parameters:,} parameters, {estimate.num_trainable_parameters:,} of them trained"


def _verdict(verdict: Verdict, palette: Palette) -> str:
    style = {Verdict.FITS: palette.good, Verdict.DOES_NOT_FIT: palette.bad}.get(verdict, palette.doubtful)
    return style(verdict.value)


def _device(device: _Device, palette: Palette) -> Iterator[str]:
    capacity = "capacity unknown" if device.capacity is None else f"capacity {_range(device.capacity)}"
    title = palette.strong(device.title)
    yield f"{title}: {_range(device.peak)}, {capacity}: {_verdict(device.verdict, palette)}"
    if not device.terms:
        return
    sums = _rows(sums_by_moment(device.terms))
    capacity_bytes = None if device.capacity is None else device.capacity.expected_bytes
    full_bytes = max(device.peak.high_bytes, capacity_bytes or 0)
    width = max(len(moment) for moment in sums)
    for moment, size in sums.items():
        bar = _bar(size, capacity_bytes, full_bytes)
        yield f"    {moment:<{width}}  {bar}  {_range(size)}"
    yield palette.quiet(_LEGEND)
    if device.remark:
        yield f"    {device.remark}"


def _rows(sums: Mapping[Moment, Interval]) -> dict[str, Interval]:
    """The sums by name, those of a pass in one row where they are all the same."""
    rows: dict[str, Interval] = {}
    is_flat = len({sums[moment] for moment in PASS}) == 1
    for moment, size in sums.items():
        rows["forward and backward" if is_flat and moment in PASS else moment.value] = size
    return rows


def _bar(size: Interval, capacity_bytes: int | None, full_bytes: int) -> str:
    cells = [" "] * (_BAR_CELLS + 1)
    for end_bytes, mark in ((size.high_bytes, "-"), (size.expected_bytes, "="), (size.low_bytes, "#")):
        num_cells = _scaled(end_bytes, full_bytes)
        cells[:num_cells] = mark * num_cells
    if capacity_bytes is not None:
        cells[_scaled(capacity_bytes, full_bytes)] = "|"
    return "".join(cells)


def _scaled(num_bytes: int, full_bytes: int) -> int:
    return round(_BAR_CELLS * num_bytes / full_bytes) if full_bytes else 0


def _range(size: Interval) -> str:
    if size.low_bytes == size.high_bytes:
        return gib(size.expected_bytes)
    return f"{gib(size.expected_bytes)} ({gib(size.low_bytes)} to {gib(size.high_bytes)})"


def _remarks(estimate: Estimate) -> Iterator[str]:
    if estimate.gpu_missing:
        yield f"The GPU figure is a lower bound: {', '.join(estimate.gpu_missing)} are not in it."
    if estimate.deepspeed is not None:
        cpu, gpu = gib(estimate.deepspeed.cpu_bytes), gib(estimate.deepspeed.gpu_bytes)
        yield f"DeepSpeed's own estimator says {cpu} per node and {gpu} per GPU for this setting."


def _terms(estimate: Estimate, palette: Palette) -> Iterator[str]:
    if not estimate.terms:
        return
    yield palette.strong("Terms")
    names = _padded([term.name for term in estimate.terms])
    places = _padded([term.place.value for term in estimate.terms])
    for term, name, place in zip(estimate.terms, names, places, strict=True):
        yield f"  {place}  {name}  {_range(term.size)}, {term.moment}"
        yield f"      {term.formula}"
        yield palette.quiet(f"      {term.source}")


def _assumptions(assumptions: tuple[Assumption, ...], palette: Palette) -> Iterator[str]:
    if not assumptions:
        return
    yield palette.strong("Assumed")
    for assumption in assumptions:
        yield f"  {visible(assumption.key)} = {visible(assumption.value)}: {visible(assumption.why)}"


def _facts(estimate: Estimate, places: Places, palette: Palette) -> Iterator[str]:
    read = [(name, fact) for name, fact in estimate.facts.items() if fact.said]
    if not read:
        return
    yield palette.strong("Read")
    for name, fact in read:
        origins = "; ".join(filter(None, (origin_text(origin, places) for origin in fact.origins)))
        yield f"  {name} = {value_text(name, fact.value)}  {palette.quiet(origins)}".rstrip()


def _padded(texts: Sequence[str]) -> list[str]:
    width = max(len(text) for text in texts)
    return [f"{text:<{width}}" for text in texts]
