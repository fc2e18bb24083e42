"""`ftlint rule`: the page of a rule, for a person or for another program."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ftlint.cli.options import color_option, format_option
from ftlint.cli.streams import look, write
from ftlint.errors import UsageError
from ftlint.report.color import ColorChoice


@click.command("rule")
@click.argument("word", metavar="[CODE|NAME]", required=False)
@click.option("--all", "everything", is_flag=True, help="All rules: their pages' titles, or with json all they say.")
@format_option
@color_option
def command(word: str | None, everything: bool, output_format: str, color: str) -> int:
    """Explain a rule: what happens, why, and how to repair it. House rules of this folder's settings included."""
    if (word is None) is not everything:
        raise UsageError("name one rule, by code or by name, or give --all")
    from ftlint.project.settings import find_settings
    from ftlint.project.workspace import Workspace
    from ftlint.rulebook.book import load_rulebook
    from ftlint.rulebook.export import rules_json

    folder = Path.cwd()
    rulebook = load_rulebook(find_settings(folder / "any", Workspace(folder)).rulebook)
    rules = rulebook.rules if word is None else (rulebook.rule(word),)
    if output_format == "json":
        shown = rules_json(rules)
        write(json.dumps(shown if everything else shown[0], indent=2) + "\n")
        return 0
    from ftlint.report.page import render_index, render_page

    layout = look(ColorChoice(color))
    write(render_index(rules, layout) if everything else render_page(rules[0], layout))
    return 0
