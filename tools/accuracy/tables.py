"""The section of docs/accuracy.md that is about published measurements, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ftlint.memory import Interval, Verdict
from tools.accuracy.blocks import LARGEST, Split
from tools.accuracy.cases import Case
from tools.accuracy.contradictions import Contradiction
from tools.accuracy.evaluate import Comparison, Result, allocated, reserved
from tools.accuracy.figures import Figures, by, verdicts
from tools.accuracy.fit import FITTED

Answers = Mapping[str, Mapping[str, Mapping[str, Any]]]


def blocks_table(split: Split) -> Iterator[str]:
    """One row per left-out block, and one for all of them; of tier A, with the figures of tier B beneath."""
    yield (
        f"| left out, by {split.name} | cases | allocated: MAPE | worst | inside | median width "
        "| cases | reserved: MAPE | worst | inside | median width |"
    )
    yield "|" + "---|" * 11
    for tier in ("A", "B"):
        results = [result for result in split.results if result.case.tier == tier]
        of_allocated, of_reserved = allocated(results), reserved(results)
        if not of_allocated and not of_reserved:
            continue
        if tier == "A":
            per_block = (by(split.block_of, of_allocated), by(split.block_of, of_reserved))
            for block in sorted({*per_block[0], *per_block[1]}):
                yield _row(block, per_block[0].get(block, ()), per_block[1].get(block, ()))
        yield _row(f"**all, tier {tier}**", of_allocated, of_reserved)


def _row(name: str, of_allocated: Sequence[Comparison], of_reserved: Sequence[Comparison]) -> str:
    return f"| {name} | {_cells(Figures.of(of_allocated))} | {_cells(Figures.of(of_reserved))} |"


def _cells(figures: Figures | None) -> str:
    if figures is None:
        return "0 | | | |"
    return (
        f"{figures.count} | {_percent(figures.mape)} | {figures.worst:+.1%} | {_percent(figures.inside, 0)} "
        f"| {_percent(figures.median_width)}"
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{share:.{digits}%}".replace("%", " %")


def verdict_table(results: Sequence[Result]) -> Iterator[str]:
    """How often which verdict, for each kind of outcome."""
    yield "| published outcome | runs | fits | tight | does not fit | unknown |"
    yield "|---|---|---|---|---|---|"
    for row in verdicts(results):
        yield f"| {row.what} | {row.count} | {row.fits} | {row.tight} | {row.does_not_fit} | {row.unknown} |"


def targets_table(left_out: Sequence[Split]) -> Iterator[str]:
    """What the left-out blocks of tier A are held to, and where they stand."""
    yield f"| held to | {' | '.join(f'left out by {split.name}' for split in left_out)} |"
    yield "|" + "---|" * (1 + len(left_out))
    found = [_of_tier_a(split) for split in left_out]
    for what, limit, read, at_most in TARGETS:
        cells = []
        for figures in found:
            value = read(*figures)
            is_met = value <= limit if at_most else value >= limit
            cells.append(f"{_percent(value)}{'' if is_met else ', missed'}")
        yield f"| {what} {'at most' if at_most else 'at least'} {_percent(limit, 0)} | {' | '.join(cells)} |"


def _of_tier_a(split: Split) -> tuple[Figures, Figures]:
    results = [result for result in split.results if result.case.tier == "A"]
    both = Figures.of(allocated(results)), Figures.of(reserved(results))
    assert both[0] is not None
    assert both[1] is not None
    return both[0], both[1]


TARGETS: tuple[tuple[str, float, Callable[[Figures, Figures], float], bool], ...] = (
    ("allocated: MAPE", 0.03, lambda of_allocated, _: of_allocated.mape, True),
    ("allocated: worst", 0.08, lambda of_allocated, _: abs(of_allocated.worst), True),
    ("allocated: inside the interval", 0.90, lambda of_allocated, _: of_allocated.inside, False),
    ("allocated: median width", 0.12, lambda of_allocated, _: of_allocated.median_width, True),
    ("reserved: MAPE", 0.10, lambda _, of_reserved: of_reserved.mape, True),
    ("reserved: inside the interval", 0.90, lambda _, of_reserved: of_reserved.inside, False),
    ("reserved: median width", 0.25, lambda _, of_reserved: of_reserved.median_width, True),
)


def worst_table(comparisons: Sequence[Comparison], count: int) -> Iterator[str]:
    """The cases that are furthest off, with what they are."""
    yield "| case | what | measured, GiB | estimated | error |"
    yield "|---|---|---|---|---|"
    for found in sorted(comparisons, key=lambda comparison: -abs(comparison.error))[:count]:
        said = found.case.said
        what = (
            f"{found.case.model.split('/')[-1]}, {said['method']}, {found.case.framework or said.get('parallel', '')}, "
            f"{found.case.num_gpus} x {said['gpu']}, {said['micro_batch']} x {said['seq_len']}"
        )
        size = found.estimated
        yield (
            f"| {found.case.id} | {what} | {_gib(found.measured_bytes)} | {_gib(size.expected_bytes)} "
            f"({_gib(size.low_bytes)} to {_gib(size.high_bytes)}) | {found.error:+.1%} |"
        )


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f}"


def peer_table(results: Sequence[Result], answers: Answers, versions: Mapping[str, str]) -> Iterator[str]:
    """Each peer on the cases it can say, with our own figures on the very same cases."""
    yield (
        "| estimator | cases | allocated: MAPE (ours) | worst (ours) | cases | reserved: MAPE (ours) | worst (ours) "
        "| out of memory, called fitting (ours) | ran, called not fitting (ours) |"
    )
    yield "|" + "---|" * 9
    tier_a = [result for result in results if result.case.tier == "A" and not result.why_not]
    for name, by_case in answers.items():
        both = []
        for figure, ours in (("allocated", allocated(tier_a)), ("reserved", reserved(tier_a))):
            mine = [comparison for comparison in ours if comparison.case.id in by_case]
            theirs = [_instead(comparison, by_case[comparison.case.id][figure]) for comparison in mine]
            both.append(_beside(Figures.of(theirs), Figures.of(mine)))
        version = versions[name]
        title = f"{name} {version}" if version[0].isdigit() else f"{name} ({version})"
        yield f"| {title} | {' | '.join(both)} | {' | '.join(_wrong_verdicts(results, by_case))} |"


def _instead(comparison: Comparison, num_bytes: int) -> Comparison:
    return Comparison(comparison.case, comparison.measured_bytes, Interval(num_bytes, num_bytes, num_bytes))


def _beside(theirs: Figures | None, mine: Figures | None) -> str:
    if theirs is None or mine is None:
        return "0 | |"
    return f"{theirs.count} | {_percent(theirs.mape)} ({_percent(mine.mape)}) | {theirs.worst:+.0%} ({mine.worst:+.0%})"


def _wrong_verdicts(results: Sequence[Result], by_case: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    said = [result for result in results if "verdict" in by_case.get(result.case.id, ())]
    out = [result for result in said if result.case.outcome in ("gpu out of memory", "failed")]
    ran = [result for result in said if result.case.outcome == "ran"]

    def counted(chosen: Sequence[Result], word: Verdict) -> str:
        if not chosen:
            return ""
        theirs = sum(by_case[result.case.id]["verdict"] == word.value for result in chosen)
        mine = sum(result.gpu_verdict is word for result in chosen)
        return f"{theirs} ({mine}) of {len(chosen)}"

    return counted(out, Verdict.FITS), counted(ran, Verdict.DOES_NOT_FIT)


def constants_table(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Every measured or fitted constant: its three values, where they come from, on how many cases they rest."""
    yield "| constant | low, expected, high | fitted | cases | source |"
    yield "|---|---|---|---|---|"
    for key, row in rows.items():
        three = ", ".join(f"{value:,}" for value in row["value"])
        yield f"| {key} | {three} | {'yes' if key in FITTED.values() else 'no'} | {row['cases']} | {row['source']} |"


def contradiction_lines(found: Iterable[Contradiction]) -> Iterator[str]:
    """One item each."""
    for row in found:
        yield f"- {', '.join(row.ids)}: {row.what}"


def left_aside(results: Sequence[Result]) -> str:
    """Which cases a run spec cannot say, or whose model's activations are unknown, and how many of each kind."""
    reasons = Counter(result.why_not for result in results if result.why_not)
    reasons["activations unknown, lower bound only"] = sum(result.is_lower_bound for result in results)
    return "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())


def sources_line(cases: Sequence[Case], count: Callable[[Case], bool]) -> str:
    """How many cases of each source are so."""
    groups = Counter(case.group for case in cases if count(case))
    return ", ".join(f"{group} {number}" for group, number in groups.most_common())


def largest_source() -> str:
    """The source inside which models and frameworks are left out."""
    return LARGEST
