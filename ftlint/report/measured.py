"""Measured beside estimated, by moment: where the estimate's interval holds what was seen, and where it does not."""

from __future__ import annotations

from collections.abc import Iterator

from ftlint.memory.estimate import PASS, Estimate, Interval, Moment, Place, Term, largest, sums_by_moment
from ftlint.project.measured import Measured
from ftlint.record import record
from ftlint.report.color import Palette
from ftlint.report.facts import gib
from ftlint.report.visible import visible


@record
class Comparison:
    """One figure at one moment, in bytes. `largest_term`: the term that the moment's sum owes most to."""

    moment: str
    figure: str
    estimated: Interval
    measured: int
    largest_term: str

    @property
    def is_inside(self) -> bool:
        """Whether the interval holds it."""
        return self.estimated.low_bytes <= self.measured <= self.estimated.high_bytes

    @property
    def deviation(self) -> float | None:
        """How far the expected value is off, as a share of what was measured; None of nothing."""
        return (self.estimated.expected_bytes - self.measured) / self.measured if self.measured else None


def compare(estimate: Estimate, measured: Measured) -> tuple[Comparison, ...]:
    """Every figure that both have, in the order of the moments."""
    return tuple(_comparisons(estimate, measured))


def _comparisons(estimate: Estimate, measured: Measured) -> Iterator[Comparison]:
    pinned = tuple(term for term in estimate.terms if term.place is Place.HOST_PINNED)
    # What a whole node's ranks hold together can only be compared where all of them were recorded.
    is_whole = measured.num_ranks == measured.world_size
    for name, figures in measured.moments.items():
        moments = _moments(name)
        if not moments:
            continue
        for figure, terms, value in (
            ("allocated", estimate.tensor_terms, figures.allocated),
            ("reserved", estimate.gpu_terms, figures.reserved),
            ("pinned", pinned, figures.pinned if is_whole else None),
        ):
            if value is not None:
                sums = sums_by_moment(terms)
                size = largest(sums[moment] for moment in moments)
                yield Comparison(name, figure, size, value, _largest_term(terms, moments))


def _moments(name: str) -> tuple[Moment, ...]:
    """The estimator's moments that the watch's one stands for."""
    if name == "forward and backward":
        return PASS
    return tuple(moment for moment in Moment if moment.value == name)


def _largest_term(terms: tuple[Term, ...], moments: tuple[Moment, ...]) -> str:
    there = [term for term in terms if set(term.moments) & set(moments)]
    return max(there, key=lambda term: term.size.expected_bytes).name if there else ""


def render_measured(estimate: Estimate, measured: Measured, palette: Palette) -> str:
    """The table as text that ends with a line end."""
    ranks = "1 rank" if measured.num_ranks == 1 else f"{measured.num_ranks} ranks"
    releases = ", ".join(f"{visible(name)} {visible(version)}" for name, version in measured.packages.items())
    lines = [palette.strong("Measured"), f"  {ranks} of {measured.world_size}; {releases}".rstrip("; ")]
    comparisons = compare(estimate, measured)
    width = max((len(each.moment) for each in comparisons), default=0)
    for each in comparisons:
        mark = palette.good("inside") if each.is_inside else palette.bad("outside")
        off = "" if each.deviation is None else f", expected {each.deviation:+.1%}"
        interval = f"{each.estimated.low_bytes / 2**30:.2f} to {each.estimated.high_bytes / 2**30:.2f}"
        lines.append(f"  {each.moment:<{width}}  {each.figure:<9}  {gib(each.measured)}  {mark} {interval}{off}")
        if not each.is_inside and each.largest_term:
            lines.append(palette.quiet(f"  {'':<{width}}  most of the estimate is {visible(each.largest_term)}"))
    for moment, figures in measured.moments.items():
        lines.append(f"  {visible(moment):<{width}}  resident   {gib(figures.resident)} of RAM, all ranks together")
    if not any(each.figure == "allocated" for each in comparisons):
        lines.append("  no GPU was recorded, so its estimate cannot be compared")
    lines += [f"  ended by {visible(name)} on {count} of them" for name, count in measured.failures.items()]
    return "\n".join(lines) + "\n"


def measured_json(estimate: Estimate, measured: Measured) -> dict[str, object]:
    """What `--output-format json` has under `measured`, bytes throughout."""
    return {
        "ranks": measured.num_ranks,
        "world_size": measured.world_size,
        "packages": dict(measured.packages),
        "failures": dict(measured.failures),
        "moments": {
            name: {
                "allocated": figures.allocated,
                "reserved": figures.reserved,
                "resident": figures.resident,
                "pinned": figures.pinned,
            }
            for name, figures in measured.moments.items()
        },
        "comparisons": [
            {
                "moment": each.moment,
                "figure": each.figure,
                "measured": each.measured,
                "low": each.estimated.low_bytes,
                "expected": each.estimated.expected_bytes,
                "high": each.estimated.high_bytes,
                "inside": each.is_inside,
            }
            for each in compare(estimate, measured)
        ],
    }
