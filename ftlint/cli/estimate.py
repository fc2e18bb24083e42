"""`ftlint estimate`: the memory of one run, found in files, in a run spec, or in the options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlint.cli.options import color_option, format_option
from ftlint.cli.spec_options import spec_options
from ftlint.cli.streams import look, write
from ftlint.cli.subjects import Subject, refusal, subjects_of
from ftlint.errors import UsageError
from ftlint.record import record
from ftlint.report.color import ColorChoice

if TYPE_CHECKING:
    from ftlint.cli.exact import Comparison
    from ftlint.memory import Assumption, Estimate
    from ftlint.project.measured import Measured
    from ftlint.project.workspace import Workspace

# The verdicts that each word of --fail-on fails on; the words are those of `check`, whose MEM rules say the same.
_FAILING = {
    "never": (),
    "error": ("does not fit",),
    "warning": ("does not fit", "tight"),
    "info": ("does not fit", "tight", "unknown"),
}


@record
class _Answer:
    """An estimate, and what was assumed before it while the run was put together."""

    estimate: Estimate
    subject: Subject
    assumptions: tuple[Assumption, ...] = ()


@record
class _Shown:
    """An answer with what else was asked for beside it: a traced step, a recorded run; and whether with all details."""

    answer: _Answer
    traced: Comparison | None
    measured: Measured | None
    is_verbose: bool


@click.command("estimate")
@click.argument("target", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--spec", "spec_file", metavar="FILE", help="A run spec in JSON; - reads it from stdin.")
@click.option("--run", "run_name", metavar="NAME", help="Which run, where several begin in TARGET.")
@format_option
@click.option("--html", is_flag=True, help="Print a self-contained page with the stacked picture.")
@click.option("--exact", is_flag=True, help="Trace one step of the real model too (needs ftlint[exact]; seconds).")
@click.option(
    "--measured",
    "records",
    multiple=True,
    type=click.Path(readable=False, path_type=Path),
    metavar="FILE",
    help="What ftlint.watching wrote of the real run, one file for each rank: shown beside the estimate.",
)
@click.option(
    "--fail-on",
    type=click.Choice(tuple(_FAILING)),
    default="never",
    show_default=True,
    help="Exit with 1: error, when it does not fit; warning, also when tight; info, also when unknown.",
)
@click.option("-v", "--verbose", is_flag=True, help="Every term with its source, every assumption, every input.")
@color_option
@spec_options
def command(
    target: Path | None,
    spec_file: str | None,
    run_name: str | None,
    output_format: str,
    html: bool,
    exact: bool,
    records: tuple[Path, ...],
    fail_on: str,
    verbose: bool,
    color: str,
    **words: Any,
) -> int:
    """Estimate the memory of the run that begins in TARGET, or that a spec or the options describe.

    Exit status: 0 there is an estimate, whatever its verdict (see --fail-on); 2 there can be none.
    """
    from ftlint.project.workspace import Workspace

    workspace = Workspace(Path.cwd())
    subjects = subjects_of(workspace, target, spec_file, run_name, words)
    if not subjects:
        return 2
    answer = _largest(subjects)
    if answer is None:
        raise refusal(target, subjects[0])
    if html and (exact or records):
        raise UsageError("--exact and --measured are shown as text or JSON, not with --html")
    traced, measured = None, None
    if records:
        from ftlint.project.measured import read_measured

        measured = read_measured(records, workspace)
    if exact:
        from ftlint.cli.exact import compare

        traced = compare(answer.subject)
    shown = _Shown(answer, traced, measured, is_verbose=verbose)
    _show(shown, workspace, "html" if html else output_format, ColorChoice(color))
    return int(answer.estimate.verdict.value in _FAILING[fail_on])


def _largest(subjects: tuple[Subject, ...]) -> _Answer | None:
    """Under several choices of releases, the estimate that needs most: who has room for that is safe."""
    from ftlint.memory import Assumption, estimate

    found = [(subject, answer) for subject in subjects if (answer := estimate(subject.run, versions=subject.versions))]
    if not found:
        return None
    subject, most = max(found, key=lambda pair: (pair[1].host_total.high_bytes, pair[1].gpu_allocated.high_bytes))
    if len(found) == 1:
        return _Answer(most, subject, subject.assumptions)
    why = f"{len(found)} sets of releases are admissible; with these the run needs most"
    return _Answer(most, subject, (*subject.assumptions, Assumption("versions", subject.label, why)))


def _show(shown: _Shown, workspace: Workspace, output_format: str, color: ColorChoice) -> None:
    answer = shown.answer
    if output_format == "json":
        from ftlint.memory import estimate_json

        content = estimate_json(answer.estimate, assumptions=answer.assumptions)
        if shown.traced is not None:
            content["exact"] = shown.traced.as_json()
        if shown.measured is not None:
            from ftlint.report.measured import measured_json

            content["measured"] = measured_json(answer.estimate, shown.measured)
        write(json.dumps(content, indent=2) + "\n")
        return
    from ftlint.report.places import Places

    if output_format == "html":
        from ftlint.report.html import render_html

        write(render_html(answer.estimate, Places(workspace), assumptions=answer.assumptions))
        return
    from ftlint.report.estimate import render_estimate

    palette = look(color).palette
    write(
        render_estimate(
            answer.estimate,
            Places(workspace),
            palette,
            assumptions=answer.assumptions,
            is_verbose=shown.is_verbose,
        )
    )
    if shown.traced is not None:
        write(f"\n{shown.traced.as_text()}")
    if shown.measured is not None:
        from ftlint.report.measured import render_measured

        write(f"\n{render_measured(answer.estimate, shown.measured, palette)}")
