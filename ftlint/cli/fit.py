"""`ftlint fit`: what to change about a run so that it fits, the mildest change first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlint.cli.options import color_option, format_option
from ftlint.cli.spec_options import spec_options
from ftlint.cli.streams import look, write
from ftlint.cli.subjects import Subject, refusal, subjects_of
from ftlint.errors import FtlintError, UsageError
from ftlint.report.color import ColorChoice

if TYPE_CHECKING:
    from ftlint.advice import Advice, Spelled
    from ftlint.memory import Estimate
    from ftlint.project.workspace import Workspace
    from ftlint.report.advice import Fitting
    from ftlint.run.run import Run
    from ftlint.syntax.document import Document


@click.command("fit")
@click.argument("target", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--spec", "spec_file", metavar="FILE", help="A run spec in JSON; - reads it from stdin.")
@click.option("--run", "run_name", metavar="NAME", help="Which run, where several begin in TARGET.")
@click.option("--hardware", metavar="WORDS", help="Where it is to run: 8xH100-80GB, H100-80GB,744GB, aws:p4d.24xlarge.")
@click.option("--most", type=click.IntRange(1, 20), default=5, show_default=True, help="How many ways to show.")
@click.option("--diff", "number", type=click.IntRange(1), help="Print this one as a patch of your files.")
@format_option
@color_option
@spec_options
def command(
    target: Path | None,
    spec_file: str | None,
    run_name: str | None,
    hardware: str | None,
    most: int,
    number: int | None,
    output_format: str,
    color: str,
    **words: Any,
) -> int:
    """Find what to change so that the run that begins in TARGET, or that a spec describes, fits its hardware.

    Nothing is written. Exit status: 0 the run fits, or a way was found under which it does; 1 none was; 2 there can be
    no answer.
    """
    from ftlint.project.workspace import Workspace

    workspace = Workspace(Path.cwd())
    subjects = subjects_of(workspace, target, spec_file, run_name, words)
    if not subjects:
        return 2
    run = _placed(subjects[0].run, hardware)
    fitting = _fit(run, subjects, most, workspace)
    if fitting is None:
        raise refusal(target, subjects[0])
    _show(fitting, number, workspace, output_format, ColorChoice(color))
    return int(not any(advice.fits for advice in fitting.advice))


def _placed(run: Run, hardware: str | None) -> Run:
    """The run on that hardware. Raises UsageError where nothing says what GPU it is to fit."""
    from ftlint.run.run import merge

    if hardware is not None:
        from ftlint.project.hardware_words import hardware_of

        run = merge(run, hardware_of(hardware))
    if not run.hardware.gpu.known:
        raise UsageError("no GPU is named: give --hardware, as H100-80GB, or [hardware] gpu in ftlint.toml")
    return run


def _fit(run: Run, subjects: tuple[Subject, ...], most: int, workspace: Workspace) -> Fitting | None:
    from ftlint.advice import find_advice, largest_micro_batch, longest_sequence
    from ftlint.report.advice import Fitting

    def needs(changed: Run) -> Estimate | None:
        """Under several choices of releases, the estimate that needs most."""
        from ftlint.memory import estimate

        answers = [answer for subject in subjects if (answer := estimate(changed, versions=subject.versions))]
        return max(answers, key=lambda answer: answer.gpu_reserved.high_bytes, default=None)

    as_it_is = needs(run)
    if as_it_is is None:
        return None
    advice = find_advice(run, needs, most)
    return Fitting(
        as_it_is,
        advice,
        tuple(_spelled(each, run, workspace) for each in advice),
        largest_micro_batch(run, needs),
        longest_sequence(run, needs),
    )


def _spelled(advice: Advice, run: Run, workspace: Workspace) -> Spelled:
    from ftlint.advice import spell
    from ftlint.dialects.registry import explain
    from ftlint.syntax.document import DataDocument, ScriptDocument

    def document(path: Path) -> Document | None:
        try:
            return workspace.document(path)
        except FtlintError:
            return None

    def dialect(found: Document) -> str | None:
        if isinstance(found, ScriptDocument):
            return "script"
        assert isinstance(found, DataDocument)
        kind = explain(found, None).dialect
        return kind.name if kind is not None else None

    return spell(advice.changes, run, document, dialect)


def _show(fitting: Fitting, number: int | None, workspace: Workspace, output_format: str, color: ColorChoice) -> None:
    from ftlint.fixing import unified_diff
    from ftlint.report.advice import advice_json, render_advice

    names = {patch.path: _name(patch.path) for spelled in fitting.spelled for patch in spelled.patches}
    patches = [
        "".join(unified_diff(names[patch.path], patch.before, patch.after) for patch in spelled.patches)
        for spelled in fitting.spelled
    ]
    if number is not None:
        if number > len(patches):
            raise UsageError(f"--diff {number}: there are {len(patches)} ways to make it fit")
        if not patches[number - 1]:
            raise UsageError(f"--diff {number}: this one cannot be written into the files of the run")
        write(patches[number - 1])
    elif output_format == "json":
        write(json.dumps(advice_json(fitting, patches), indent=2) + "\n")
    else:
        write(render_advice(fitting, look(color).palette, names))


def _name(path: Path) -> str:
    from ftlint.project.workspace import shown

    return str(shown(path))
