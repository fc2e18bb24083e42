"""`ftlint estimate`: the memory of one run, found in files, in a run spec, or in the options."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftlint.cli.options import color_option, format_option
from ftlint.cli.spec_options import laid_over, spec_of, spec_options
from ftlint.cli.streams import look, report_failure, say, write
from ftlint.errors import InputError, SpecError, UsageError
from ftlint.record import record
from ftlint.report.color import ColorChoice

if TYPE_CHECKING:
    from ftlint.engine import RunVariant
    from ftlint.memory import Assumption, Estimate
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
    assumptions: tuple[Assumption, ...] = ()


@click.command("estimate")
@click.argument("target", required=False, type=click.Path(readable=False, path_type=Path))
@click.option("--spec", "spec_file", metavar="FILE", help="A run spec in JSON; - reads it from stdin.")
@click.option("--run", "run_name", metavar="NAME", help="Which run, where several begin in TARGET.")
@format_option
@click.option(
    "--fail-on",
    type=click.Choice(tuple(_FAILING)),
    default="never",
    show_default=True,
    help="Exit with 1: error, when it does not fit; warning, also when tight; info, also when unknown.",
)
@color_option
@spec_options
def command(
    target: Path | None,
    spec_file: str | None,
    run_name: str | None,
    output_format: str,
    fail_on: str,
    color: str,
    **words: Any,
) -> int:
    """Estimate the memory of the run that begins in TARGET, or that a spec or the options describe.

    Exit status: 0 there is an estimate, whatever its verdict (see --fail-on); 2 there can be none.
    """
    from ftlint.project.workspace import Workspace

    workspace = Workspace(Path.cwd())
    spec = spec_of(words)
    if target is not None:
        if spec_file is not None or spec:
            raise UsageError("TARGET says what the run is: give it alone, or a spec with --spec and options")
        answer = _of_target(workspace, target, run_name)
    elif spec_file is None and not spec:
        raise UsageError("name a file or folder, or describe a run with --spec FILE or --model ID")
    elif run_name is not None:
        raise UsageError("--run chooses among the runs of a TARGET, and there is none")
    else:
        under = {} if spec_file is None else _read_spec(workspace, spec_file)
        answer = _of_spec(laid_over(under, spec), "spec" if spec_file in (None, "-") else Path(spec_file).stem)
    if answer is None:
        return 2
    _show(answer, workspace, output_format, ColorChoice(color))
    return int(answer.estimate.verdict.value in _FAILING[fail_on])


def _read_spec(workspace: Workspace, spec_file: str) -> dict[str, Any]:
    """The object in a spec file, as JSON; what it says is judged by the spec's reader."""
    from ftlint.project.workspace import SIZE_LIMIT_BYTES

    name = "stdin" if spec_file == "-" else spec_file
    text = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1) if spec_file == "-" else workspace.text(Path(spec_file))
    if len(text) > SIZE_LIMIT_BYTES:
        raise SpecError(f"{name}: too large: ftlint reads up to {SIZE_LIMIT_BYTES // 10**6} MB")
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{name}: not JSON: {error}") from None
    if not isinstance(spec, dict):
        raise SpecError(f"{name}: a run spec is a JSON object, not {type(spec).__name__}")
    return spec


def _of_spec(spec: object, name: str) -> _Answer | None:
    from ftlint.memory import estimate
    from ftlint.project.spec import parse_spec

    described = parse_spec(spec, name)
    found = estimate(described.run, versions=described.versions)
    if found is None:
        raise SpecError("the model of this spec is not known to ftlint: give its numbers as model.config")
    return _Answer(found, described.assumptions)


def _of_target(workspace: Workspace, target: Path, run_name: str | None) -> _Answer | None:
    from ftlint.engine import runs_of
    from ftlint.memory import estimate

    variants = runs_of(workspace, (target,))
    names = tuple(dict.fromkeys(variant.run.name for variant in variants))
    if run_name is not None:
        if run_name not in names:
            raise UsageError(f"--run {run_name!r}: the runs here are {', '.join(names) or 'none'}")
        names = (run_name,)
    if not names:
        raise InputError(f"{target}: no training run begins here; `ftlint check -v` says what each file was taken for")
    if len(names) > 1:
        report_failure(f"{target}: {len(names)} runs begin here; choose one with --run NAME:")
        for name in names:
            say(f"  {name}")
        return None
    of_run = [variant for variant in variants if variant.run.name == names[0]]
    estimates = [(variant, found) for variant in of_run if (found := estimate(variant.run, versions=variant.versions))]
    if not estimates:
        raise InputError(f"{target}: there can be no estimate: the model of run {names[0]!r} is not known")
    return _largest(estimates)


def _largest(estimates: list[tuple[RunVariant, Estimate]]) -> _Answer:
    """Under several admissible sets of releases, the estimate that needs most: who has room for that is safe."""
    from ftlint.memory import Assumption

    variant, found = max(estimates, key=lambda pair: (pair[1].host_total.high_bytes, pair[1].gpu_allocated.high_bytes))
    if len(estimates) == 1:
        return _Answer(found)
    why = f"{len(estimates)} sets of releases are admissible; with these the run needs most"
    return _Answer(found, (Assumption("versions", variant.label, why),))


def _show(answer: _Answer, workspace: Workspace, output_format: str, color: ColorChoice) -> None:
    if output_format == "json":
        from ftlint.memory import estimate_json

        write(json.dumps(estimate_json(answer.estimate, assumptions=answer.assumptions), indent=2) + "\n")
        return
    from ftlint.report.estimate import render_estimate
    from ftlint.report.places import Places

    text = render_estimate(answer.estimate, Places(workspace), look(color).palette, assumptions=answer.assumptions)
    write(text)
