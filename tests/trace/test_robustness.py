"""The trace never raises, whatever parses; and code that cannot be read makes what it mentions unknown."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlint.syntax import parse_text
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import trace_script
from tests.checks.head_cases import NEGATIVES, POSITIVES
from tests.checks.test_heads import find
from tests.trace.test_values import trace

HEAD = "import torch\nfrom torch import nn\nfrom transformers import AutoModelForCausalLM\n"


def notebook(*cells: str) -> str:
    made: list[dict[str, object]] = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": text} for text in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


LOAD = HEAD + 'model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B", dtype=torch.bfloat16)'
REPLACE = "model.lm_head = nn.Linear(896, 10)"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((LOAD, REPLACE, "model(ids)"), 1),
        ((LOAD, REPLACE, "model.to(torch.bfloat16)", "model(ids)"), 0),
        ((LOAD, REPLACE, "model.to(", "model(ids)"), 0),  # does not parse, and mentions the model
        ((LOAD, REPLACE, "print 'loss'", "model(ids)"), 1),  # does not parse, and has nothing to do with it
        ((LOAD, REPLACE, "%run prepare.ipynb", "model(ids)"), 0),
        (("%pip install transformers", LOAD, "!nvidia-smi", REPLACE, "model(ids)"), 1),
        ((REPLACE, LOAD, "model(ids)"), 0),  # in the order of the cells
    ],
)
def test_notebook(cells: tuple[str, ...], expected: int) -> None:
    assert len(find(notebook(*cells), format=Format.NOTEBOOK)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "f(" * 80 + ")" * 80,
        "x = " + "(" * 60 + "1" + ",)" * 60,
        "x = 1\n" + "\n".join(f"{' ' * i}if x:" for i in range(60)) + "\n" + " " * 60 + "pass",
        "def f(): return f()\nf()",
        "def f(g): return g(g)\nf(f)",
        "class A(A): pass\nA()",
        "class A(nn.Module):\n    def __init__(self):\n        self.a = A()\nA()",
        "class M(nn.Module):\n    def forward(self, x): return self(x)\nM()(1)",
        "a = []\na.append(a)\nf(a)",
        "d = {}\nd['d'] = d\nf(**d)",
        "m = nn.Sequential()\nm.a = m\nm.half()\nm(1)\nimport copy\ncopy.deepcopy(m)",
        "x = 'a' * 10 ** 9",
        "x = 10 ** 10 ** 10",
        "x = 1 << 10 ** 9",
        "x = 'a'\n" + "x += x\n" * 60,
        "for i in range(10 ** 9):\n    x.append(i)",
        "@property\ndef f(): ...\nf.x = 1",
        "lambda *a, **k: (yield)",
        "async def f():\n    async with a as b:\n        async for c in d:\n            await c\nasyncio.run(f())",
        "del x, y.z, w[0]\nglobal q",
        "[*a, *b] = c\n(d, *e), f = g",
        "with (a as b, c): pass",
        "super().x()\nsuper(1, 2)",
        "setattr()\ngetattr(1)\nnn.Linear(*x, **y)\ntorch.save()\nnn.Sequential(1, None)",
        "nn.Module.half(nn.Linear(1, 1))\nmodel = nn.Linear\nmodel.half()",
        "try:\n    pass\nexcept* ValueError:\n    pass",
    ],
)
def test_strange_scripts(text: str) -> None:
    assert find(HEAD + text) == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_pieces_of_scripts(data: st.DataObject) -> None:
    """Any lines of our cases, in any order: whatever still parses is read."""
    lines = [line for case in (*POSITIVES, *NEGATIVES) for line in case.text.splitlines()]
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=25))
    find(HEAD + "\n".join(chosen))


@pytest.mark.parametrize("case", POSITIVES, ids=str)
def test_prefixes_do_not_raise(case: object) -> None:
    text = case.script  # type: ignore[attr-defined]  # a Case, which pytest hands over as it is
    for end in range(0, len(text), 37):
        find(text[:end])


def test_too_much_is_left_alone() -> None:
    """A script that would take too long to read is not read to the end, and then nothing is said of it."""
    calls = "\n".join(f"def f{i}(x):\n    f{i + 1}(x); f{i + 1}(x); f{i + 1}(x)" for i in range(11))
    found = trace(HEAD + calls + "\ndef f11(x): return x.half()\n" + LOAD + "\nf0(model)")
    assert found.complete or found.stories == ()


@pytest.mark.parametrize(
    "line",
    [
        "x = x + x",
        "x += x",
        "x = [*x, *x]",
        "x = (*x, *x)",
        "x.extend(x)",
        "x = [x, x]",
        'u = f"{u}{u}"',
        "u = u + u",
        "x = nn.Sequential(*x, *x)",
    ],
)
def test_what_doubles_at_every_line_stays_small(line: str) -> None:
    text = "import torch\nfrom torch import nn\nu = 'a'\nx = [nn.Linear(2, 2)]\n" + f"{line}\n" * 60 + "x(1)\n"
    document = parse_text(Path("train.py"), text, Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    began = time.process_time()
    trace_script(document)
    assert time.process_time() - began < 2


def test_a_container_that_holds_itself_many_times_over() -> None:
    text = "import torch\nx = torch.nn.Linear(2, 2)\n" + "x = torch.nn.Sequential(x, x)\n" * 60 + "x.half()\nx(1)\n"
    document = parse_text(Path("train.py"), text, Format.PYTHON)
    assert isinstance(document, ScriptDocument)
    assert not trace_script(document).complete


def test_a_generated_script_is_given_up_in_time() -> None:
    """Each statement copies what the one before knew: 20,000 models once took longer than anybody waits."""
    layers = "\n".join(f"x{i} = torch.nn.Linear({i}, 2)\nx{i}.half()\nx{i}.state_dict()" for i in range(12_000))
    started = time.process_time()
    found = trace("import torch\n" + layers)
    assert not found.complete
    assert time.process_time() - started < 60
