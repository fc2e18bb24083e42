"""What expressions stand for, asked through the dtype that a model is built in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.syntax import parse
from ftlint.syntax.document import Format, ScriptDocument
from ftlint.trace import Loaded, ScriptTrace, trace_script
from ftlint.trace.events import Adapted, Cast, Fed, ModelMade, Replaced, Saved, Used, Wrapped
from ftlint.trace.sharding import Written

BF16, FP16, FP32 = DType.BFLOAT16, DType.FLOAT16, DType.FLOAT32


def trace(text: str, format: Format = Format.PYTHON) -> ScriptTrace:
    path = Path("train.ipynb" if format is Format.NOTEBOOK else "train.py")
    document = parse(path, text.encode(), format)
    assert isinstance(document, ScriptDocument)
    return trace_script(document)


def dtypes(text: str) -> list[object]:
    """The dtypes that the models of a script are made in, over all its paths."""
    head = "import torch\nfrom transformers import AutoModelForCausalLM\n"
    made = [event.weights.term for event in trace(head + text).events() if isinstance(event, ModelMade)]
    return list(dict.fromkeys(made))


BUILD = "\nAutoModelForCausalLM.from_config(config, dtype=d)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d = torch.bfloat16", [BF16]),
        ("d = 'bfloat16'", [BF16]),
        ("d = getattr(torch, 'float16')", [FP16]),
        ("name = 'bfloat16'; d = getattr(torch, name)", [BF16]),
        ("bits = 16; d = getattr(torch, f'bfloat{bits}')", [BF16]),
        ("import torch as t; d = t.half", [FP16]),
        ("from torch import float16 as d", [FP16]),
        ("cfg = {'dtype': torch.bfloat16}; d = cfg['dtype']", [BF16]),
        ("cfg = {'a': 1}; cfg['dtype'] = torch.bfloat16; d = cfg.get('dtype')", [BF16]),
        ("cfg = {'dtype': torch.float16}; cfg.update({'dtype': torch.bfloat16}); d = cfg['dtype']", [BF16]),
        ("cfg = {**{'dtype': torch.float16}, 'x': 1}; d = cfg['dtype']", [FP16]),
        ("cfg = {'x': 1} | {'dtype': torch.float16}; d = cfg['dtype']", [FP16]),
        ("cfg = dict(dtype=torch.float16); d = cfg.pop('dtype')", [FP16]),
        ("cfg = {'dtype': torch.bfloat16}; cfg.update(other()); d = cfg['dtype']", [UNKNOWN]),
        ("sizes = {'s': {'dtype': torch.bfloat16}}; d = sizes['s']['dtype']", [BF16]),
        ("class C:\n    dtype = torch.bfloat16\nd = C.dtype", [BF16]),
        ("class C:\n    dtype = torch.bfloat16\nd = C().dtype", [BF16]),
        ("from types import SimpleNamespace as N\nd = N(dtype=torch.float16).dtype", [FP16]),
        (
            ("from dataclasses import dataclass, replace\n@dataclass\nclass C:\n    x: int = 1\n"
            "    dtype: torch.dtype = torch.bfloat16\nd = replace(C(), x=2).dtype"),
            [BF16],
        ),
        (
            ("from dataclasses import dataclass\n@dataclass\nclass C:\n    dtype: torch.dtype = torch.bfloat16\n"
            "d = C(torch.float16).dtype"),
            [FP16],
        ),
        (
            "from typing import NamedTuple\nclass C(NamedTuple):\n    x: torch.dtype = torch.bfloat16\nd = C().x",
            [BF16],
        ),
        ("a, (b, d) = 1, (2, torch.float16)", [FP16]),
        ("(d := torch.float16)", [FP16]),
        ("def f(x=torch.float16): return x\nd = f()", [FP16]),
        ("def f(*, x): return x\nd = f(**{'x': torch.float16})", [FP16]),
        ("def f(*args): return args[1]\nd = f(*[1, torch.float16])", [FP16]),
        ("def f(**options): return options['x']\nd = f(x=torch.float16)", [FP16]),
        ("f = lambda x: x\nd = f(torch.float16)", [FP16]),
        ("def f():\n    global d\n    d = torch.float16\nf()", [FP16]),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x; x = torch.half\n    g(); return x\nd = f()", [FP16]),
        ("def f(n): return f(n - 1) if n else torch.float16\nd = f(3)", [UNKNOWN]),
        ("d = torch.float16 if True else torch.bfloat16", [FP16]),
        ("d = torch.float16 if torch.cuda.is_available() else torch.bfloat16", [FP16, BF16]),
        ("if flag():\n    d = torch.float16\nelse:\n    d = torch.bfloat16", [FP16, BF16]),
        ("d = torch.float16\nif 1 > 2:\n    d = torch.bfloat16", [FP16]),
        ("d = torch.float16\nwhile True:\n    d = torch.bfloat16\n    break", [BF16]),
        ("try:\n    import a\n    d = torch.float16\nexcept ImportError:\n    d = torch.bfloat16", [FP16, BF16]),
        ("match x:\n    case 'a':\n        d = torch.float16\n    case _:\n        d = torch.bfloat16", [FP16, BF16]),
        ("d = torch.float16\ndel d", [UNKNOWN]),
        ("d = unknown()", [UNKNOWN]),
        ("import sys; d = getattr(torch, sys.argv[1])", [UNKNOWN]),
        ("d = None", [UNKNOWN]),
    ],
)  # fmt: skip
def test_dtype_of_expression(text: str, expected: list[object]) -> None:
    assert sorted(map(str, dtypes(text + BUILD))) == sorted(map(str, expected))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'gpt2'", Loaded("gpt2", auto=False)),
        ("'gpt2', torch_dtype='auto'", Loaded("gpt2", auto=True)),
        ("'gpt2', dtype=torch.float16", FP16),
        ("'gpt2', torch_dtype='float16'", FP16),
        ("'gpt2', load_in_4bit=True", UNKNOWN),
        ("'gpt2', load_in_4bit=True, torch_dtype=torch.float16", FP16),
        ("name(), torch_dtype=torch.float16", FP16),
        ("name()", Loaded(None, auto=False)),
        ("'gpt2', **options()", UNKNOWN),
        ("*both()", UNKNOWN),
    ],
)
def test_dtype_of_loaded_model(arguments: str, expected: object) -> None:
    assert dtypes(f"AutoModelForCausalLM.from_pretrained({arguments})") == [expected]


def test_events_in_order() -> None:
    text = """
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("gpt2", dtype=torch.bfloat16)
model.lm_head = torch.nn.Linear(768, 10)
model.half()
model = get_peft_model(model, LoraConfig())
model.generate(ids)
model.save_pretrained("out")
"""
    (story,) = trace(text).stories
    (path,) = story.paths
    kinds = [type(event) for event in path.events]
    assert kinds == [ModelMade, Replaced, Cast, Wrapped, Adapted, Used, Fed, Saved, Written]
    (fed,) = [event for event in path.events if isinstance(event, Fed)]
    assert fed.input is fed.weights.term is FP16


def test_same_unknown_condition_decides_alike() -> None:
    """Two branches on one unknown make two paths, not four."""
    text = "if a.half:\n    d = torch.float16\nelse:\n    d = torch.bfloat16\n"
    text += "if a.half:\n    e = 1\nelse:\n    e = torch.half"
    head = "import torch\nfrom transformers import AutoModelForCausalLM\n"
    (story,) = trace(head + text + BUILD).stories
    assert len(story.paths) == 2


def test_many_branches_stay_bounded() -> None:
    lines = ["import torch", "from transformers import AutoModelForCausalLM"]
    lines += [f"d{i} = torch.float16 if flag({i}) else torch.bfloat16" for i in range(30)]
    lines += ["AutoModelForCausalLM.from_config(config, dtype=d0)"]
    (story,) = trace("\n".join(lines)).stories
    assert len(story.paths) <= 16


def test_is_deterministic() -> None:
    text = "import torch\nfrom transformers import AutoModel\n" + "\n".join(
        f"m{i} = AutoModel.from_pretrained('x', dtype=torch.half if flag({i}) else torch.float)" for i in range(4)
    )
    one, two = (re.sub(r"0x[0-9a-f]+", "", repr(trace(text))) for _ in range(2))
    assert one == two


@pytest.mark.parametrize("name", ["PeftModel", "PeftModelForCausalLM", "PeftMixedModel", "PeftModelForSeq2SeqLM"])
def test_every_class_of_peft_loads_an_adapter(name: str) -> None:
    """A model of llm-foundry's loads its adapter by the class for causal models, which had no row in our table."""
    text = f"""
    from peft import {name}
    from transformers import AutoModelForCausalLM
    base = AutoModelForCausalLM.from_pretrained("gpt2")
    model = {name}.from_pretrained(base, "adapter")
    model.generate(ids)
    """
    assert trace(text).complete
