"""Code of a newer Python than ours is told from code that no Python reads."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from ftlint.syntax import parse_text
from ftlint.syntax.document import FaultCause, Format

# The release that reads it first, and the text.
NEWER = (
    ((3, 11), "try:\n    pass\nexcept* OSError:\n    pass\n"),
    ((3, 11), "x = a[*b]\n"),
    ((3, 11), "def f(*sizes: *Sizes): pass\n"),
    ((3, 12), 'x = f"{row["question"]}, and why"\n'),
    ((3, 12), "x = f'{', '.join(names)}'\n"),
    ((3, 12), "x = f\"{'\\n'.join(lines)}\"\n"),
    ((3, 12), 'x = (1,\n  f"é{\n    1\n}")\n'),
    ((3, 12), "type Batch = dict[str, int]\n"),
    ((3, 12), "def first[T](items: list[T]) -> T: pass\n"),
    ((3, 12), "class Box[T]:\n    pass\n"),
    ((3, 13), "class Box[T = int]:\n    pass\n"),
    ((3, 14), "try:\n    pass\nexcept OSError, ValueError:\n    pass\n"),
    ((3, 14), "x = t'{name}'\n"),
)
WRONG = (
    'x = f"{}"\n',
    'x = f"{a b}"\n',
    'x = f"}"\n',
    "x = 'abc\n",
    "def f(:\n    pass\n",
    "type X\n",
    "inputs = f(\n    a=1\n    b=2,\n)\n",
    "try:\n    pass\nexcept OSError, ValueError as error:\n    pass\n",
    'print "x"\n',
)


def _causes(text: str) -> list[FaultCause]:
    return [fault.cause for fault in parse_text(Path("train.py"), text, Format.PYTHON).faults]


@pytest.mark.parametrize(("release", "text"), NEWER)
def test_newer_code_is_no_mistake(release: tuple[int, int], text: str) -> None:
    if sys.version_info >= release:
        ast.parse(text)
        assert _causes(text) == []
    else:
        assert _causes(text) == [FaultCause.NEWER_PYTHON]


@pytest.mark.parametrize("text", WRONG)
def test_what_no_python_reads_is_a_mistake(text: str) -> None:
    assert _causes(text) == [FaultCause.SYNTAX]


def test_the_message_names_both_releases() -> None:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    release, text = next(((release, text) for release, text in NEWER if release > sys.version_info), (None, ""))
    if release is None:
        pytest.skip("the running Python is the newest we know of")
    (fault,) = parse_text(Path("train.py"), text, Format.PYTHON).faults
    assert fault.message.startswith(f"this may be Python 3.{release[1]} or newer, and ftlint runs in Python {running}")
