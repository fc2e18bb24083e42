"""Options that several commands share, spelled once."""

from __future__ import annotations

import click

from ftlint.report.color import ColorChoice

color_option = click.option(
    "--color",
    type=click.Choice([choice.value for choice in ColorChoice]),
    default=ColorChoice.AUTO.value,
    show_default=True,
    help="Also decided by NO_COLOR and FORCE_COLOR.",
)

format_option = click.option(
    "--output-format", type=click.Choice(("terminal", "json")), default="terminal", show_default=True
)


def comma_list(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """A callback: comma lists, given once or several times, as one tuple."""
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())
