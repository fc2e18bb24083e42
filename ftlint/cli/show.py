"""`ftlint show`: the runs found, with every value and where it comes from."""

from __future__ import annotations

from pathlib import Path

import click

from ftlint.cli.options import color_option
from ftlint.cli.streams import look, report_failure, write
from ftlint.report.color import ColorChoice
from ftlint.run.run import Run
from ftlint.run.versions import Admissible
from ftlint.spans import Location

FORMATS = ("terminal", "json")


@click.command("show")
@click.argument("paths", nargs=-1, type=click.Path(readable=False, path_type=Path))
@click.option("--output-format", type=click.Choice(FORMATS), default="terminal", show_default=True)
@color_option
def command(paths: tuple[Path, ...], output_format: str, color: str) -> int:
    """Show the runs that begin in PATHS (default: the working directory): every value, and where it is said."""
    from ftlint.engine import runs_of
    from ftlint.knowledge.releases import packages
    from ftlint.project.workspace import Workspace
    from ftlint.report.places import Places
    from ftlint.report.run import relevant_versions, render_run

    paths = paths or (Path(),)
    workspace = Workspace(Path.cwd())
    variants = runs_of(workspace, paths)
    if not variants:
        report_failure("no training run begins here; `ftlint check -v` says what each file was taken for")
        return 2
    places, palette = Places(workspace), look(ColorChoice(color)).palette
    described = [(variant, relevant_versions(variant.versions, packages())) for variant in variants]
    if output_format == "json":
        from ftlint.report.run_json import render_runs

        write(render_runs([(variant.run, variant.label, versions) for variant, versions in described], places))
        return 0
    shown: dict[tuple[str, Location | None], tuple[Run, dict[str, Admissible]]] = {}
    for variant, versions in described:
        run = variant.run
        first, before = shown.get((run.name, run.root), (None, {}))
        differing = {name: found for name, found in versions.items() if found != before.get(name)}
        write(render_run(run, places, palette, label=variant.label, first=first, versions=differing))
        shown.setdefault((run.name, run.root), (run, versions))
    return 0
