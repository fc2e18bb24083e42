"""RUN101 on small scripts of ours: what must be found, what must not, what the fix writes, in which releases."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.checks.settings_passed import settings_never_passed
from ftlint.findings import Match
from ftlint.project.view import ProjectView
from ftlint.run.run import Run
from ftlint.run.versions import Admissible, VersionView
from ftlint.syntax import parse_text
from ftlint.syntax.document import Format, ScriptDocument
from tests.checks.setting_cases import BUILT, FIXED, GIVEN, HEAD, NEGATIVES, POSITIVES, Case
from tests.engine.projects import checked, write

NEWEST = {"transformers": ("5.22.2",), "trl": ("1.16.0",), "peft": ("0.21.2",)}


class NobodyElse(ProjectView):
    """A project without other files."""

    def __init__(self) -> None: ...

    def others_reading(self, path: Path, name: str) -> bool:
        return False

    def others_importing(self, path: Path) -> bool:
        return False

    def helpers_saying(self, path: Path, imported: frozenset[str], words: frozenset[str]) -> bool:
        return False

    def configurations_saying(self, words: frozenset[str]) -> bool:
        return False

    def is_launched_by(self, path: Path, launcher: str) -> bool:
        return False

    def launches(self, path: Path) -> tuple[Run, ...]:
        return (Run(),)


def view(**releases: Sequence[str]) -> VersionView:
    return VersionView({name: Admissible(tuple(known), ()) for name, known in {**NEWEST, **releases}.items()})


def find(text: str, versions: VersionView | None = None, format: Format = Format.PYTHON) -> list[Match]:
    document = parse_text(Path("train.py"), text, format)
    assert isinstance(document, ScriptDocument)
    return list(settings_never_passed(document, NobodyElse(), versions or view()))


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def repaired(text: str, match: Match) -> str:
    for edit in match.edits.get("pass", ()):
        span = edit.location.span
        text = text[: span.start] + edit.content + text[span.end :]
    return text


@pytest.mark.parametrize("case", POSITIVES, ids=str)
def test_found(case: Case) -> None:
    (match,) = find(case.script)
    marked = [number for number, line in enumerate(case.script.splitlines(), 1) if line.endswith("# <-")]
    assert [case.script.count("\n", 0, match.at.span.start) + 1] == marked
    text = repaired(case.script, match)
    if case.repaired is None:
        assert text == case.script
        return
    ast.parse(text)
    assert case.repaired in text.splitlines()
    assert find(text) == []


@pytest.mark.parametrize("case", NEGATIVES, ids=str)
def test_silent(case: Case) -> None:
    ast.parse(case.script)
    assert find(case.script) == []


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((HEAD, GIVEN, BUILT), 1),
        ((HEAD, BUILT, GIVEN), 0),  # in the order of the cells
        ((HEAD, GIVEN, BUILT, "!nvidia-smi"), 1),
        ((HEAD, GIVEN, BUILT, "!python train.py --checkpoint $gradient_checkpointing"), 0),
        ((HEAD, GIVEN, BUILT, "%run -i rest.py"), 0),
        ((HEAD, GIVEN, BUILT, "%%bash\necho $gradient_checkpointing"), 0),
        ((HEAD, GIVEN, BUILT, "print 'done'"), 1),  # does not parse, and has nothing to do with it
        ((HEAD, GIVEN, BUILT, "print gradient_checkpointing"), 0),
        ((HEAD, GIVEN, BUILT, "args = TrainingArguments('out', gradient_"), 0),
    ],
)
def test_notebook(cells: tuple[str, ...], expected: int) -> None:
    assert len(find(notebook(*cells), format=Format.NOTEBOOK)) == expected


def test_fix_in_another_cell() -> None:
    (match,) = find(notebook(HEAD, GIVEN, BUILT), format=Format.NOTEBOOK)
    (edit,) = match.edits["pass"]
    assert (match.at.cell, edit.location.cell) == (2, 3)
    span = edit.location.span
    assert BUILT[: span.start] + edit.content + BUILT[span.end :] == FIXED


SFT = "from trl import SFTConfig\n{}\nargs = SFTConfig(output_dir='out')\n"


@pytest.mark.parametrize(
    ("given", "releases", "expected"),
    [
        (GIVEN, {"trl": ["0.21.0"]}, 1),
        (GIVEN, {"trl": ["0.22.0"]}, 0),  # on by default
        ("gradient_checkpointing = False", {"trl": ["0.22.0"]}, 1),
        ("bf16 = True", {"trl": ["1.16.0"]}, 0),  # on unless fp16 is
        ("bf16 = True", {"trl": ["0.12.0"]}, 1),
        ("bf16 = False", {"trl": ["1.16.0"]}, 1),
        ("learning_rate = 2e-5", {"trl": ["1.16.0"]}, 0),  # TRL's own default
        ("learning_rate = 5e-5", {"trl": ["1.16.0"]}, 1),
        ("learning_rate = 5e-5", {"trl": ["0.11.4"]}, 0),
        ("max_seq_length = 1024", {"trl": ["0.12.2", "0.15.2", "0.17.0", "1.16.0"]}, 0),
        ("max_seq_length = 2048", {"trl": ["0.12.2", "0.15.2", "0.17.0", "1.16.0"]}, 1),
        ("max_length = 2048", {"trl": ["0.15.2"]}, 0),  # there is no such argument yet
        ("assistant_only_loss = True", {"trl": ["0.18.2"]}, 0),
        ("evaluation_strategy = 'epoch'", {"transformers": ["4.40.2", "5.0.0"]}, 1),
        ("warmup_ratio = 0.1", {"transformers": ["4.57.6", "5.14.1"]}, 1),
        ("warmup_ratio = 0.1", {"transformers": ["5.15.1"]}, 0),
        (GIVEN, {"trl": ["0.21.0"], "transformers": ["4.27.0"]}, 0),  # older than what was read
        (GIVEN, {"trl": ["0.21.0"], "transformers": []}, 0),
    ],
)
def test_releases(given: str, releases: dict[str, list[str]], expected: int) -> None:
    versions = view(**releases)
    assert len(find(SFT.format(given), versions)) == expected
    assert not versions.undecided


def test_releases_that_differ_are_asked_about() -> None:
    versions = view(trl=["0.21.0", "0.22.0"])
    assert find(SFT.format(GIVEN), versions) == []
    ((package, classes),) = versions.undecided
    assert (package, set(classes)) == ("trl", {("0.21.0",), ("0.22.0",)})


def test_fix_only_where_every_release_takes_the_keyword() -> None:
    renamed = SFT.format("max_seq_length = 2048")
    assert find(renamed, view(trl=["0.15.2", "1.16.0"]))[0].edits == {}
    assert "max_length=max_seq_length" in find(renamed, view(trl=["1.16.0"]))[0].edits["pass"][0].content
    narrowed = Admissible(("0.20.0",), (), undivided=("0.18.2", "0.20.0"))
    found = find(SFT.format("assistant_only_loss = True"), VersionView({**view().admissible, "trl": narrowed}))
    assert [match.edits for match in found] == [{}]


def test_overruled_by_a_trainer() -> None:
    """Up to TRL 0.7.1 the trainer itself turned checkpointing on for quantized models."""
    text = f"{HEAD}from trl import SFTTrainer\n{GIVEN}\n{BUILT}\nSFTTrainer(args=args)\n"
    assert find(text, view(trl=["0.4.7"])) == []
    assert len(find(text, view(trl=["0.7.2"]))) == 1


def test_variants_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": SFT.format(GIVEN), "requirements.txt": "trl>=0.21,<0.23\n"})
    (finding,) = [finding for finding in checked(tmp_path).findings if finding.code == "RUN101"]
    assert finding.message.endswith("so it stays False (with trl 0.21.0)")
    assert finding.fixes[0].edits


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("from train import gradient_checkpointing\n", 0),
        ("from package.train import *\n", 0),
        ("import train\nprint(train.gradient_checkpointing)\n", 0),
        ("import train\n", 1),
        ("gradient_checkpointing = False\n", 1),
    ],
)
def test_other_files(other: str, expected: int, tmp_path: Path) -> None:
    write(tmp_path, {"train.py": f"{HEAD}{GIVEN}\n{BUILT}\n", "evaluate.py": other})
    assert sum(finding.code == "RUN101" for finding in checked(tmp_path).findings) == expected


BF16 = f"{HEAD}bf16 = True\n{BUILT}\n"
CHECKPOINTING = f"{HEAD}{GIVEN}\n{BUILT}\n"
FSDP = "distributed_type: FSDP\nfsdp_config:\n  fsdp_version: 2\n"


@pytest.mark.parametrize(
    ("script", "others", "expected"),
    [
        (BF16, {"run.sh": "torchrun --nproc_per_node 8 train.py\n"}, 1),
        (BF16, {"run.sh": "accelerate launch --mixed_precision bf16 train.py\n"}, 0),
        (BF16, {"run.sh": "accelerate launch --multi_gpu train.py\n"}, 0),  # the file in the user's home may say it
        (BF16, {"run.sh": "accelerate launch other.py\n"}, 1),
        (BF16, {"bf16.yaml": "distributed_type: MULTI_GPU\nmixed_precision: bf16\n"}, 0),  # launched by hand
        (BF16, {"other.yaml": "mixed: bf16\n"}, 1),
        (CHECKPOINTING, {"run.sh": "torchrun train.py\n"}, 1),
        (CHECKPOINTING, {"f.yaml": f"{FSDP}  fsdp_activation_checkpointing: true\n"}, 0),
        (CHECKPOINTING, {"f.yaml": FSDP, "run.sh": "accelerate launch --config_file f.yaml train.py\n"}, 0),
        (f"learning_rate = 1e-3\n{HEAD}{BUILT}\n", {"run.sh": "accelerate launch --use_deepspeed train.py\n"}, 0),
        ("gradient_accumulation_steps = 8\n" + CHECKPOINTING, {"run.sh": "accelerate launch train.py\n"}, 1),
        (f"from load import build\n{CHECKPOINTING}", {"load.py": "m.gradient_checkpointing_enable()\n"}, 0),
        (f"from load import build\n{CHECKPOINTING}", {"load.py": "print(1)\n"}, 1),
        (f"from lib import build\n{CHECKPOINTING}", {"lib/load.py": "def f(a): a.gradient_checkpointing = True\n"}, 0),
        (CHECKPOINTING, {"load.py": "m.gradient_checkpointing_enable()\n"}, 1),  # not imported
    ],
)
def test_other_files_may_say_it(script: str, others: dict[str, str], expected: int, tmp_path: Path) -> None:
    write(tmp_path, {"train.py": script, **others})
    assert sum(finding.code == "RUN101" for finding in checked(tmp_path).findings) == expected


@pytest.mark.parametrize(
    ("other", "expected"), [("from train import f\n", 0), ("importlib.import_module(name)\n", 0), ("print(1)\n", 1)]
)
def test_file_that_does_nothing_by_itself(other: str, expected: int, tmp_path: Path) -> None:
    script = f"{HEAD}{GIVEN}\nmax_steps = 5\ndef f():\n    return TrainingArguments('o', max_steps=max_steps)\n"
    write(tmp_path, {"train.py": script, "other.py": other})
    assert sum(finding.code == "RUN101" for finding in checked(tmp_path).findings) == expected


def test_both_branches() -> None:
    lines = ("if small:", "    max_steps = 20", "else:", "    max_steps = 20000", BUILT)
    assert len(find(HEAD + "\n".join(lines))) == 2
    assert len(find(HEAD + "\n".join((*lines[:4], "max_steps = 7", BUILT)))) == 1


@given(st.sampled_from((*POSITIVES, *NEGATIVES)), st.integers(0, 400))
def test_no_prefix_raises(case: Case, length: int) -> None:
    find(case.script[:length])
    find(notebook(case.script[:length], case.script[length:]), format=Format.NOTEBOOK)
