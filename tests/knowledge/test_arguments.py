"""The arguments of settings classes: every row readable, in order, and between two releases that differ unknown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.version import Version

from ftlint.knowledge.arguments import Default, Missing, arguments, read_releases, settings_classes
from ftlint.knowledge.releases import newest_known
from tools.harvest.arguments import PLANS, arguments_of, classes_in

KNOWN = settings_classes()


@pytest.mark.parametrize("package", PLANS)
def test_releases_read(package: str) -> None:
    read = read_releases()[package]
    assert list(read) == sorted(read, key=Version)
    assert read == PLANS[package].versions(), (
        "python -m tools.harvest.arguments has not been run since the releases changed"
    )
    newest = newest_known(package)
    assert newest is not None
    assert read[-1] == newest.version


@pytest.mark.parametrize("name", KNOWN)
def test_every_argument_of_a_class_is_described(name: str) -> None:
    known = KNOWN[name]
    assert known.histories.keys() <= arguments().keys()
    assert known.parent is None or known.parent in KNOWN
    for argument in known.histories:
        answers = {known.default_in(argument, release) for release in read_releases()[known.package]}
        defaults = [answer for answer in answers if isinstance(answer, Default)]
        assert defaults
        # What stands behind None and expressions has to be said by hand, or nothing is ever found.
        assert all(default.value is not None for default in defaults) or arguments()[argument].unset is not None


def test_successors_and_needs_are_arguments() -> None:
    for argument in arguments().values():
        assert {argument.successor, argument.needs} - {None} <= arguments().keys()
        assert argument.effect in ("memory", "precision", "batch", "length", "learning", "saving")


def test_default_over_releases() -> None:
    sft = KNOWN["SFTConfig"]
    assert sft.default_in("gradient_checkpointing", "0.21.0") is Missing.ABSENT
    assert sft.default_in("gradient_checkpointing", "0.22.1") == Default("True", True)
    assert sft.default_in("max_seq_length", "0.15.1") == Default("1024", 1024)
    assert sft.default_in("max_seq_length", "0.20.0") is Missing.ABSENT
    assert sft.default_in("packing", "0.8.0") is Missing.UNREAD
    assert sft.default_in("packing", "2.0.0") == Default("False", False)
    training = KNOWN["TrainingArguments"]
    assert training.default_in("optim", "5.0.0") == Default("default_optim", None)
    # 4.40.2 and 4.41.2 were read and differ: what 4.41.0 says is not known.
    assert training.default_in("eval_strategy", "4.41.0") is Missing.UNREAD
    assert training.default_in("learning_rate", "4.41.0") == Default("5e-05", 5e-05)
    assert KNOWN["BCOConfig"].default_in("bf16", "1.15.0") is Missing.UNREAD  # the class is gone


def test_harvest_reads_fields_bases_and_signatures(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "trl.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "trl/trainer/a_config.py",
            "@dataclass\nclass _Base(TrainingArguments):\n    bf16: bool | None = field(default=None)\n    x: int = 1\n"
            "@dataclass\nclass AConfig(_Base):\n    x: int = field(default=2, metadata={})\n"
            "    y: list = field(default_factory=list)\n    z: str\n",
        )
        archive.writestr("trl/trainer/b_config.py", "class BConfig(_BConfig): ...\n")
        archive.writestr(
            "trl/experimental/b/b_config.py",
            "@dataclass\nclass BConfig(AConfig):\n    def __init__(self, a, b=-1, **c): ...\n",
        )
    classes = classes_in(path, "trl")
    own, parent = arguments_of("AConfig", classes)
    assert (own, parent) == (
        {"bf16": None, "x": 2, "y": {"expression": "list"}, "z": {"expression": "required"}},
        "TrainingArguments",
    )
    assert arguments_of("BConfig", classes)[0]["b"] == -1


def test_page_lists_every_argument() -> None:
    (page,) = (Path(__file__).parents[2] / "rules" / "run").glob("RUN101-*.md")
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| ")]
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("(beside")[0])}
    listed |= {name for row in rows for name in re.findall(r"`(\w+)`", row.partition(")")[2])}
    assert listed == set(arguments())
