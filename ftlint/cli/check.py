"""`ftlint check`: findings of the files and folders named, in the format asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ftlint.cli.options import color_option, comma_list
from ftlint.cli.streams import look, report_failure, say, write
from ftlint.errors import UsageError
from ftlint.findings import Applicability, Finding, Severity
from ftlint.report.color import ColorChoice

if TYPE_CHECKING:
    from ftlint.engine.asked import Ask
    from ftlint.engine.result import CheckResult, Selection
    from ftlint.project.workspace import Workspace

FORMATS = ("terminal", "json", "github")
FAIL_ON = ("info", "warning", "error", "never")


class _Request(NamedTuple):
    """What the command line asks for, apart from what to check."""

    output_format: str
    fail_on: str
    fix: bool
    up_to: Applicability
    diff: bool
    verbose: bool
    quiet: bool
    color: ColorChoice


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(readable=False, path_type=Path))
@click.option(
    "--select", multiple=True, callback=comma_list, metavar="RULES", help="Only these codes, prefixes or names."
)
@click.option("--extend-select", multiple=True, callback=comma_list, metavar="RULES", help="These as well.")
@click.option("--ignore", multiple=True, callback=comma_list, metavar="RULES", help="Not these.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    help="Default: terminal; inside GitHub Actions: github.",
)
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="error",
    show_default=True,
    help="Exit with 1 at findings of this severity or above.",
)
@click.option("--fix", is_flag=True, help="Apply safe fixes, and report what remains.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="With --fix or --diff: also fixes that may change what the run does."
)
@click.option("--diff", is_flag=True, help="Print what --fix would change, write nothing; exit with 1 if anything.")
@click.option(
    "--ask-frameworks",
    "python",
    is_flag=False,
    flag_value=sys.executable,
    metavar="[PYTHON]",
    help="Also run the installed frameworks' own parsers on copies of the files; see `ftlint rule CFG130`.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say of each file what it was taken for, and why.")
@click.option("-q", "--quiet", is_flag=True, help="Findings only, no summary.")
@color_option
def command(
    paths: tuple[Path, ...],
    select: tuple[str, ...],
    extend_select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str | None,
    fail_on: str,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    python: str | None,
    verbose: bool,
    quiet: bool,
    color: str,
) -> int:
    """Check the files and folders PATHS (default: the working directory).

    Exit status: 0 nothing at or above --fail-on, 1 findings, 2 something could not be read or done.
    """
    from ftlint.engine.result import Selection

    if diff and output_format == "json":
        raise UsageError("--diff prints a diff and no findings, so --output-format json cannot be followed with it")
    request = _Request(
        output_format=output_format or _default_format(),
        fail_on=fail_on,
        fix=fix and not diff,
        up_to=Applicability.UNSAFE if unsafe_fixes else Applicability.SAFE,
        diff=diff,
        verbose=verbose,
        quiet=quiet,
        color=ColorChoice(color),
    )
    selection = Selection(select or None, extend_select, ignore)
    if python is None:
        return _run(request, paths or (Path(),), selection)
    from ftlint.asking import FrameworkAsker

    with FrameworkAsker(python, report_failure) as asker:
        return _run(request, paths or (Path(),), selection, asker.matches)


def _default_format() -> str:
    return "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "terminal"


def _run(request: _Request, paths: Sequence[Path], selection: Selection, ask: Ask | None = None) -> int:
    from ftlint.engine import check
    from ftlint.project.workspace import Workspace

    workspace = Workspace(Path.cwd())
    result = check(workspace, paths, selection, ask=ask)
    num_fixed, failures = 0, tuple[str, ...]()
    if request.fix:
        from ftlint.cli.fixes import fix_until_stable

        outcome = fix_until_stable(result, request.up_to, lambda: check(workspace, paths, selection, ask=ask))
        result, num_fixed, failures = outcome.result, outcome.num_fixed, outcome.failures
    if request.diff:
        fails = _show_patch(request, result, workspace)
    else:
        _show_findings(request, result, workspace)
        fails = _reaches(result.findings, request.fail_on)
    if request.verbose:
        _explain_files(result, workspace)
    complaints = (*(unread.reason for unread in result.unread), *failures)
    for complaint in complaints:
        report_failure(complaint)
    if not request.quiet and not request.diff:
        _say_summary(request, result, num_fixed)
    return 2 if complaints else int(fails)


def _reaches(findings: Sequence[Finding], fail_on: str) -> bool:
    """Whether a finding has the severity named by `--fail-on`, or a higher one."""
    return fail_on != "never" and any(finding.severity.at_least(Severity(fail_on)) for finding in findings)


def _show_patch(request: _Request, result: CheckResult, workspace: Workspace) -> bool:
    """Prints what `--fix` would change; whether that is anything."""
    from ftlint.cli.fixes import patch_of
    from ftlint.report.diff import render_diff
    from ftlint.report.places import Places

    patch = patch_of(result, request.up_to, Places(workspace))
    if patch:
        write(render_diff(patch, look(request.color).palette, for_terminal=sys.stdout.isatty()))
    return bool(patch)


def _show_findings(request: _Request, result: CheckResult, workspace: Workspace) -> None:
    if not result.findings:
        if request.output_format == "json":
            write("[]\n")
        return
    from ftlint.report.places import Places

    documents = [file.document for file in result.files if file.document is not None]
    if request.output_format == "json":
        from ftlint.report.json import render_json

        write(render_json(result.findings, Places(workspace, documents)))
    elif request.output_format == "github":
        from ftlint.report.github import render_github

        root = os.environ.get("GITHUB_WORKSPACE")
        write(render_github(result.findings, Places(workspace, documents, folder=Path(root) if root else None)))
    else:
        from ftlint.report.terminal import render_terminal

        write(render_terminal(result.findings, Places(workspace, documents), look(request.color)))


def _explain_files(result: CheckResult, workspace: Workspace) -> None:
    from ftlint.report.places import Places
    from ftlint.report.visible import visible

    places = Places(workspace)
    for file in result.files:
        taken_for = file.dialect or "left alone"
        first, *rest = file.explanation.splitlines() or [""]
        say(f"{visible(places.filename(file.path))}: {taken_for}{': ' if first else ''}{visible(first)}")
        for line in rest:
            say(f"    {visible(line)}")


def _say_summary(request: _Request, result: CheckResult, num_fixed: int) -> None:
    from ftlint.report.summary import summary

    if result.unread and not result.files:
        return  # nothing was checked: what stood in the way has been said
    text = summary(result.findings, len(result.files), num_fixed)
    if not any(file.dialect for file in result.files):
        text += "; nothing here that ftlint knows" + ("" if request.verbose else " (-v says why)")
    say(text)
