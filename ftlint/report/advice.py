"""Advice for a person: numbered, the mildest first, each with what it needs, what it costs and where it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ftlint.advice import Advice, Spelled
from ftlint.memory.as_json import interval_json
from ftlint.memory.estimate import Estimate, Verdict
from ftlint.record import record
from ftlint.report.color import Palette
from ftlint.report.facts import gib, interval_text, value_text
from ftlint.report.visible import visible


@record
class Fitting:
    """Everything `ftlint fit` has to say. `spelled` belongs to `advice`, one each.

    `largest_micro_batch` and `longest_sequence`: of the run as it is; 0 where nothing fits, None where it is not known.
    """

    as_it_is: Estimate
    advice: tuple[Advice, ...]
    spelled: tuple[Spelled, ...]
    largest_micro_batch: int | None
    longest_sequence: int | None


def render_advice(fitting: Fitting, palette: Palette, name_of: dict[Path, str]) -> str:
    """The whole answer as text that ends with a line end. `name_of`: the files' names as they are shown."""
    lines = [*_headline(fitting.as_it_is, palette), *_extremes(fitting)]
    changes_needed = [advice for advice in fitting.advice if advice.changes]
    if fitting.as_it_is.host_capacity_bytes is None:
        lines.append("  RAM of the node is not known, so only the GPUs are judged.")
    lines.append("")
    if any(advice.fits and not advice.changes for advice in fitting.advice):
        lines.append("Nothing has to be changed.")
    elif not changes_needed:
        lines.append("No change that ftlint knows makes it fit: take a smaller model or a larger GPU.")
    else:
        certain = all(advice.fits for advice in changes_needed)
        lines.append("Ways to make it fit:" if certain else "Nothing fits for certain; these are expected to:")
    for number, (advice, spelled) in enumerate(zip(fitting.advice, fitting.spelled, strict=True), start=1):
        if advice.changes:
            lines += ["", *_advice(number, advice, spelled, palette, name_of)]
    return "\n".join(lines) + "\n"


def _headline(estimate: Estimate, palette: Palette) -> Iterator[str]:
    style = {Verdict.FITS: palette.good, Verdict.DOES_NOT_FIT: palette.bad}.get(estimate.verdict, palette.doubtful)
    yield f"{palette.strong(visible(estimate.run_name) or 'run')}: {style(estimate.verdict.value)}"
    yield f"  {_needs(estimate)}"


def _needs(estimate: Estimate) -> str:
    capacity, ram_bytes = estimate.gpu_capacity, estimate.host_capacity_bytes
    gpu = f"{interval_text(estimate.gpu_reserved)} on each GPU" + (
        f" of {gib(capacity.expected_bytes)}" if capacity else ""
    )
    host = f"{interval_text(estimate.host_total)} of RAM" + (f" of {gib(ram_bytes)}" if ram_bytes else "")
    return f"{gpu}; {host}"


def _extremes(fitting: Fitting) -> Iterator[str]:
    for word, number, unit in (
        ("largest micro batch", fitting.largest_micro_batch, "sequences"),
        ("longest sequence", fitting.longest_sequence, "tokens"),
    ):
        if number is None:
            continue
        amount = f"{number:,} {unit}" if number else "none fits"
        yield f"  {word} as it is: {amount}"


def _advice(number: int, advice: Advice, spelled: Spelled, palette: Palette, name_of: dict[Path, str]) -> Iterator[str]:
    titles = " + ".join(change.title for change in advice.changes)
    yield f"{number}. {palette.strong(titles)}"
    yield f"   {_needs(advice.estimate)}"
    for change in advice.changes:
        costs = "; ".join((change.effect.value, change.pace.words))
        yield f"   {change.why} ({costs})"
        if change.caution:
            yield palette.quiet(f"   {change.caution}")
    names = ", ".join(name_of[patch.path] for patch in spelled.patches)
    if names and not spelled.unspelled:
        yield palette.quiet(f"   can be written into {names}: --diff {number}")
    elif names:
        yield palette.quiet(f"   can be written in part into {names}: --diff {number}")


def advice_json(fitting: Fitting, patches: Sequence[str]) -> dict[str, object]:
    """The object that `--output-format json` prints, bytes throughout; `schemas/advice.json` is its schema.

    `patches`: the unified diff of each advice, empty where no file has words for it.
    """
    estimate = fitting.as_it_is
    return {
        "run": estimate.run_name,
        **_figures(estimate),
        "largest_micro_batch": fitting.largest_micro_batch,
        "longest_sequence": fitting.longest_sequence,
        "advice": [
            {
                "changes": [
                    {
                        "title": change.title,
                        "effect": change.effect.value,
                        "pace": change.pace.words,
                        "why": change.why,
                        "caution": change.caution,
                        "facts": {name: value_text(name, value) for name, value in change.facts.items()},
                    }
                    for change in advice.changes
                ],
                **_figures(advice.estimate),
                "patch": patch,
                "unwritten": list(spelled.unspelled),
            }
            for advice, spelled, patch in zip(fitting.advice, fitting.spelled, patches, strict=True)
        ],
    }


def _figures(estimate: Estimate) -> dict[str, object]:
    return {
        "verdict": estimate.verdict.value,
        "gpu_reserved": interval_json(estimate.gpu_reserved),
        "host_total": interval_json(estimate.host_total),
    }
