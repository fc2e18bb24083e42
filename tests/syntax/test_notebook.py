from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.syntax import parse_text
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.syntax.magics import without_magics
from ftlint.syntax.notebook import percent_to_notebook
from ftlint.syntax.notebook_text import with_sources
from ftlint.syntax.python import span_of
from tests.syntax.samples import NOTEBOOK_CELLS


def _parse(text: str) -> ScriptDocument:
    document = parse_text(Path("train.ipynb"), text, Format.NOTEBOOK)
    assert isinstance(document, ScriptDocument)
    return document


def test_cells_are_numbered_among_all() -> None:
    document = _parse(percent_to_notebook(NOTEBOOK_CELLS))
    assert document.faults == ()
    assert [cell.source.cell for cell in document.cells] == [2, 3]
    assert [magic.text for cell in document.cells for magic in cell.magics] == [
        "%pip install -q transformers==4.46.1",
        "!nvidia-smi",
        "!ls *.json",
    ]


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  a \\\n  b\nx = 1", "pass\nx = 1"),
        ("%%time\nx = 1\n!ls", "x = 1\n0"),
        ("\n%%capture out\n!pip install a\nb = 1", "pass\nb = 1"),
        ("x = !ls -l\ny = %env HOME\nz = 3 % 4", "x = _\ny = _\nz = 3 % 4"),
        ("a, b = !echo", "a, b = _"),
        ("w = (a\n % b)", "w = a % b"),
        ("w = a \\\n % b", "w = a % b"),
        ("if a:\n    !x\n    %cd foo\nelse:\n  !w", "if a:\n    0\n    pass\nelse:\n    0"),
        ('s = """\n%foo\n!bar\n"""', "s = '\\n%foo\\n!bar\\n'"),
        ("?len\nlen??\nlen?", "pass\npass\npass"),
        ("!echo it's ( {\nx = (1)", "pass\nx = 1"),
        ("pip install foo\nimport foo", "pass\nimport foo"),
        ("conda install -y foo", "pass"),
        ("pip = 3\npip.install()", "pip = 3\npip.install()"),
        ("cd content\nls = 3", "pass\nls = 3"),
        ("x %= 3\na != b\na == c", "x %= 3\na != b\na == c"),
        ("await f()", "await f()"),
        ("return 3", "return 3"),
        # IPython takes away the indent of the first line, and the prompts of a session that somebody pasted.
        ("  x = f(\n    a\n  )\n  for y in x:\n    y", "x = f(a)\nfor y in x:\n    y"),
        ("\n  x = 1\ny = 2", "x = 1\ny = 2"),
        (">>> x = 1\n>>> for y in x:\n...     y\n>>>\n>>> !ls", "x = 1\nfor y in x:\n    y\n0"),
        ("%%bash\npip install a", ""),
        ("%%writefile a.py\nimport (", ""),
    ],
)
def test_magics(text: str, python: str) -> None:
    notebook = {"cells": [{"cell_type": "code", "source": text}], "metadata": {}, "nbformat": 4}
    document = _parse(json.dumps(notebook))
    assert document.faults == ()
    (cell,) = document.cells
    assert cell.tree is not None
    assert ast.unparse(cell.tree) == python
    for magic in cell.magics:
        assert cell.source.slice(magic.span) == magic.text


@pytest.mark.parametrize("text", ["  x = 1", ">>> x = 1"])
def test_what_an_indent_or_prompt_stands_before_keeps_its_place(text: str) -> None:
    (cell,) = _parse(json.dumps({"cells": [{"cell_type": "code", "source": text}]})).cells
    assert cell.tree is not None
    assert cell.source.slice(span_of(cell.tree.body[0], cell.source)) == "x = 1"


@pytest.mark.parametrize("text", ["x = 1\n  y = 2", "  x = (", "# here\n    x = 1"])
def test_an_indent_in_the_wrong_place_is_a_fault(text: str) -> None:
    (cell,) = _parse(json.dumps({"cells": [{"cell_type": "code", "source": text}]})).cells
    assert len(cell.faults) == 1


@given(st.text(alphabet="%!?=ax>. \n\\'\"(#pi", max_size=30))
def test_magics_keep_every_offset(text: str) -> None:
    code = without_magics(text).code
    if code is not None:
        assert len(code) == len(text)
        assert [i for i, c in enumerate(code) if c == "\n"] == [i for i, c in enumerate(text) if c == "\n"]


def test_a_broken_cell_is_one_fault() -> None:
    document = _parse(percent_to_notebook("# %%\nx = (\n# %%\ny = 1\n"))
    assert [fault.location.cell for fault in document.faults] == [1]
    assert [cell.tree is None for cell in document.cells] == [True, False]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 3}', "[" * 100_000])
def test_a_broken_notebook_is_one_fault(text: str) -> None:
    document = _parse(text)
    assert len(document.faults) == 1
    assert document.cells == ()


def test_odd_cells_are_passed_over() -> None:
    cells = [None, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 3}, {"cell_type": "raw", "source": "x"}]
    document = _parse(json.dumps({"cells": cells}))
    assert [(cell.source.cell, cell.source.text) for cell in document.cells] == [(3, "")]


def test_format_3_has_worksheets() -> None:
    cells = [
        {"cell_type": "markdown", "source": "x"},
        {"cell_type": "code", "input": ["x = 1\n", "y"], "language": "python"},
    ]
    text = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert [(cell.source.cell, cell.source.text) for cell in _parse(text).cells] == [(2, "x = 1\ny")]
    assert json.loads(with_sources(text, {2: "z"}))["worksheets"][0]["cells"][1]["input"] == ["z"]


def test_other_kernels_are_left_alone() -> None:
    text = json.dumps(
        {"cells": [{"cell_type": "code", "source": "x <- 1"}], "metadata": {"kernelspec": {"language": "R"}}}
    )
    assert _parse(text) == ScriptDocument(Path("train.ipynb"), Format.NOTEBOOK, (), ())


@given(st.text(alphabet='ab\n"\\é𝄞\u2028', max_size=20), st.booleans(), st.sampled_from([None, 1, 4]), st.booleans())
def test_rewriting_a_cell_changes_only_its_source(
    new: str, ascii_only: bool, indent: int | None, as_list: bool
) -> None:
    old = "x = 1\n\ny = 'é'  # a\nz"
    source = old.splitlines(keepends=True) if as_list else old
    other = {"cell_type": "markdown", "source": ["[{ 'source': \" é"], "metadata": {"source": ["no"]}}
    notebook = {
        "a": "}",
        "cells": [other, {"cell_type": "code", "outputs": [{"source": "no"}], "source": source}, other],
    }
    text = json.dumps(notebook, indent=indent, ensure_ascii=ascii_only)
    lines = new.splitlines(keepends=True)
    notebook["cells"][1]["source"] = lines if as_list else new  # type: ignore[index]
    wanted = json.dumps(notebook, indent=indent, ensure_ascii=ascii_only)
    assert with_sources(text, {2: new}) == wanted or not lines
    assert with_sources(text, {2: old}) == text


def test_rewriting_keeps_odd_lists_around_the_change() -> None:
    text = '{"cells": [{"source": ["a\\n" ,\n\n "b\\u006e\\nc\\n", "d"], "cell_type": "code"}]}'
    assert '"x\\n",\n\n "d"' not in text
    rewritten = with_sources(text, {1: "a\nbn\nc\nx\nd"})
    assert json.loads(rewritten)["cells"][0]["source"] == ["a\n", "bn\nc\n", "x\n", "d"]
    assert '"b\\u006e\\nc\\n"' in rewritten


def test_rewriting_fills_an_empty_list() -> None:
    notebook = {"cells": [{"cell_type": "code", "source": []}]}
    text = json.dumps(notebook, indent=1)
    notebook["cells"][0]["source"] = ["x\n", "y"]
    assert with_sources(text, {1: "x\ny"}) == json.dumps(notebook, indent=1)


def test_a_percent_script_without_marks_is_one_cell() -> None:
    cells = json.loads(percent_to_notebook("x = 1\n"))["cells"]
    assert ["".join(cell["source"]).strip() for cell in cells] == ["x = 1"]
