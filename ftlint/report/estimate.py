"""An estimate for a person: the verdict and its reasons, bars per moment and device, the terms, what was assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftlint.memory.estimate import (
    PASS,
    Assumption,
    Estimate,
    Interval,
    Moment,
    Term,
    Verdict,
    add_up,
    exactly,
    sums_by_moment,
)
from ftlint.record import record
from ftlint.report.color import Palette
from ftlint.report.facts import gib, origin_text, value_text
from ftlint.report.places import Places
from ftlint.report.reasons import reasons, worst_moment
from ftlint.report.visible import visible
from ftlint.run.fact import Fact
from ftlint.spans import How

_BAR_CELLS = 40
_MOST_TERMS = 7
_LEAST_SHARE = 200
"""Of a peak: terms of less than one such part are not worth a line."""
_MOST_ASSUMPTIONS = 8
_LINE_CELLS = 110
_MORE = "With -v: every term with its moments and source, every assumption with its reason, every value read."
_LEGEND = f"{'':4}# at least   = expected   - at most   | capacity"


@record
class _Device:
    """One of the two memories an estimate speaks of."""

    title: str
    name: str
    remark: str
    terms: tuple[Term, ...]
    peak: Interval
    capacity: Interval | None
    verdict: Verdict


def render_estimate(
    estimate: Estimate,
    places: Places,
    palette: Palette,
    *,
    assumptions: tuple[Assumption, ...] = (),
    is_verbose: bool = False,
) -> str:
    """The estimate as text that ends with a line end; `is_verbose`: all of it, and not the largest terms alone.

    `assumptions` are those made before, while the run itself was put together.
    """
    devices, assumed = _devices(estimate), (*assumptions, *estimate.assumptions)
    sections = (
        _headline(estimate, palette),
        *(_device(device, palette, has_legend=device is devices[0]) for device in devices),
        _remarks(estimate),
        *([_terms(estimate, palette)] if is_verbose else [_largest(device, palette) for device in devices]),
        _assumptions(assumed, palette) if is_verbose else _in_short(assumed, palette),
        _facts(estimate, places, palette, is_verbose=is_verbose),
        [] if is_verbose else [palette.quiet(_MORE)],
    )
    return "\n\n".join(text for section in sections if (text := "\n".join(section))) + "\n"


def _devices(estimate: Estimate) -> tuple[_Device, ...]:
    gpu, host = estimate.tensor_terms, estimate.host_terms
    ram = None if estimate.host_capacity_bytes is None else exactly(estimate.host_capacity_bytes)
    reserved = f"reserved by the process: {_range(estimate.gpu_reserved)}" if len(estimate.gpu_terms) > len(gpu) else ""
    pinned = f"pinned: {_range(estimate.host_pinned)}" if estimate.host_pinned.high_bytes else ""
    return (
        _Device("GPU, each", "GPU", reserved, gpu, estimate.gpu_allocated, estimate.gpu_capacity, estimate.gpu_verdict),
        _Device("Host RAM, per node", "host RAM", pinned, host, estimate.host_total, ram, estimate.host_verdict),
    )


def _headline(estimate: Estimate, palette: Palette) -> Iterator[str]:
    yield f"{palette.strong(visible(estimate.run_name) or 'run')}: {_verdict(estimate.verdict, palette)}"
    yield from (f"  {reason}" for reason in reasons(estimate))
    yield f"{estimate.num_parameters:,} parameters, {estimate.num_trainable_parameters:,} of them trained"


def _verdict(verdict: Verdict, palette: Palette) -> str:
    style = {Verdict.FITS: palette.good, Verdict.DOES_NOT_FIT: palette.bad}.get(verdict, palette.doubtful)
    return style(verdict.value)


def _device(device: _Device, palette: Palette, *, has_legend: bool) -> Iterator[str]:
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
    if has_legend:
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


def _largest(device: _Device, palette: Palette) -> Iterator[str]:
    """What the device holds when most is expected, largest first."""
    if not device.terms:
        return
    moment = worst_moment(device.terms)
    there = [term for term in device.terms if moment in term.moments]
    there.sort(key=lambda term: (term.size.expected_bytes, term.size.high_bytes), reverse=True)
    least_bytes = device.peak.expected_bytes // _LEAST_SHARE
    shown = [term for term in there[:_MOST_TERMS] if term.size.high_bytes > least_bytes]
    rest = [term for term in there if term not in shown]
    yield palette.strong(f"Largest, {device.name}, {moment.value}")
    rows = [(_range(term.size), term.name, term.formula) for term in shown]
    if rest:
        is_one = len(rest) == 1
        rows.append(
            (_range(add_up(term.size for term in rest)), f"{len(rest)} smaller {'one' if is_one else 'ones'}", "")
        )
    sizes, names = _padded([size for size, _, _ in rows]), _padded([name for _, name, _ in rows])
    for size, name, (_, _, formula) in zip(sizes, names, rows, strict=True):
        yield f"  {size}  {name}  {palette.quiet(formula)}".rstrip()


def _assumptions(assumptions: tuple[Assumption, ...], palette: Palette) -> Iterator[str]:
    if not assumptions:
        return
    yield palette.strong("Assumed")
    for assumption in assumptions:
        yield f"  {visible(assumption.key)} = {visible(assumption.value)}: {visible(assumption.why)}"


def _in_short(assumptions: tuple[Assumption, ...], palette: Palette) -> Iterator[str]:
    """Where there are many, those that weigh most each on a line, the rest without reasons.

    Those are what is not known, which widens the figures, what is missing in them, and sizes of the model.
    """
    if len(assumptions) <= _MOST_ASSUMPTIONS:
        yield from _assumptions(assumptions, palette)
        return
    apart = tuple(each for each in assumptions if each.value == "unknown" or each.key.startswith(("gpu", "model.")))
    yield from _assumptions(apart, palette)
    yield palette.strong("As is usual" if apart else "Assumed, as is usual")
    words = [f"{visible(each.key)} = {visible(each.value)}" for each in assumptions if each not in apart]
    yield from _wrapped(words)


def _wrapped(words: Sequence[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + len(word) + 2 > _LINE_CELLS:
            yield f"  {line},"
            line = ""
        line = f"{line}, {word}" if line else word
    yield f"  {line}"


def _facts(estimate: Estimate, places: Places, palette: Palette, *, is_verbose: bool) -> Iterator[str]:
    read = [(name, fact) for name, fact in estimate.facts.items() if fact.said and (is_verbose or _has_place(fact))]
    if not read:
        return
    yield palette.strong("Read")
    for name, fact in read:
        shown = fact.origins if is_verbose else [origin for origin in fact.origins if origin.how is not How.DEFAULT]
        origins = "; ".join(filter(None, (origin_text(origin, places) for origin in shown)))
        yield f"  {name} = {value_text(name, fact.value)}  {palette.quiet(origins)}".rstrip()


def _has_place(fact: Fact[Any]) -> bool:
    """Whether it stands in a file: of a default, and of a word on the command line, the reader knows."""
    return any(origin.location is not None and origin.how is not How.DEFAULT for origin in fact.origins)


def _padded(texts: Sequence[str]) -> list[str]:
    width = max(len(text) for text in texts)
    return [f"{text:<{width}}" for text in texts]
