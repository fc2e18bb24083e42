"""`ftlint show`: the runs found, with every value and where it comes from."""

from __future__ import annotations

from pathlib import Path

import click

from ftlint.cli.options import color_option
from ftlint.cli.streams import look, report_failure, write
from ftlint.report.color import ColorChoice
from ftlint.run.run import Run
from ftlint.spans import Location


@click.command("show")
@click.argument("paths", nargs=-1, type=click.Path(readable=False, path_type=Path))
@color_option
def command(paths: tuple[Path, ...], color: str) -> int:
    """Show the runs that begin in PATHS (default: the working directory): every value, and where it is said."""
    from ftlint.engine import runs_of
    from ftlint.project.workspace import Workspace
    from ftlint.report.places import Places
    from ftlint.report.run import render_run

    paths = paths or (Path(),)
    workspace = Workspace(Path.cwd())
    variants = runs_of(workspace, paths)
    if not variants:
        report_failure("no training run begins here; `ftlint check -v` says what each file was taken for")
        return 2
    places, palette = Places(workspace), look(ColorChoice(color)).palette
    shown: dict[tuple[str, Location | None], Run] = {}
    for variant in variants:
        run = variant.run
        first = shown.get((run.name, run.root))
        write(render_run(run, places, palette, label=variant.label, first=first))
        shown.setdefault((run.name, run.root), run)
    return 0
