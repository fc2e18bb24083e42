"""Strangers' variants, each broken in some way: no text, however odd, makes ftlint fail or hides another file.

Seeded, so that a failure comes back. More of them: `MUTATIONS=2000 pytest tests/variants/test_mutations.py`.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

from ftlint.engine import check
from ftlint.project.workspace import Workspace
from tests.variants.test_variants import VARIANTS

COUNT = int(os.environ.get("MUTATIONS", "150"))
PIECES = ("(", '"', "'''", ":", "\n", "\t", "=", "*", "**", "lambda:", "\x00", "é", "{", "None", "[0]", ".", "0")
CELL_SOURCES: tuple[object, ...] = (None, 5, {}, [1], "for x in (:\n  y")


def mutated(text: str, choice: random.Random) -> str:
    """The text cut, shuffled, doubled, or with something in it that does not belong there."""
    lines = text.splitlines(keepends=True)
    start = choice.randrange(len(text) + 1)
    match choice.randrange(6):
        case 0:
            return text[:start]
        case 1:
            return text[:start] + text[start + choice.randrange(40) :]
        case 2:
            return text[:start] + choice.choice(PIECES) + text[start:]
        case 3:
            choice.shuffle(lines)
        case 4:
            lines *= 2
        case _:
            lines = [line for line in lines if choice.random() > 0.1]
    return "".join(lines)


def mutate_file(path: Path, choice: random.Random) -> None:
    """One file of a project, a notebook also cell by cell and in an older format."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb" or choice.random() < 0.3:
        path.write_text(mutated(text, choice), "utf-8")
        return
    notebook = json.loads(text)
    cell = choice.choice(notebook["cells"])
    source = "".join(cell["source"])
    cell["source"] = choice.choice((*CELL_SOURCES, mutated(source, choice), [mutated(source, choice)]))
    notebook["nbformat"] = choice.choice((4, 4, 3, None))
    path.write_text(json.dumps(notebook), "utf-8")


def test_no_broken_text_makes_us_fail(tmp_path: Path) -> None:
    choice = random.Random(20261128)
    for number in range(COUNT):
        variant = choice.choice(VARIANTS)
        folder = variant.write_to(tmp_path / str(number))
        for path in sorted(folder.rglob("*")):
            if path.is_file() and choice.random() < 0.8:
                mutate_file(path, choice)
        result = check(Workspace(folder), [folder])
        assert not [f.message for f in result.findings if f.code == "CFG003"], (number, variant.name)
        assert not [entry for entry in result.unread if "failed" in entry.reason], (number, variant.name)
