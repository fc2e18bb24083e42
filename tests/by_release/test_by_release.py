"""Pages held against the two releases of a framework made up for it: it refuses `size: 0` from 2.0 on."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from ftlint.rulebook.book import load_rulebook
from tests.referees.roster import BY_NAME, Referee
from tools.by_release.__main__ import report
from tools.by_release.examples import Question, admits, questions
from tools.by_release.holding import Asked, ask, contradictions
from tools.by_release.releases import archives, unpacked

JUDGE = """
PACKAGES = ("demo",)

def prepare():
    import demo

def judge(root, text):
    import demo
    demo.read(text)

def keys():
    return []
"""
OLD = "def read(text):\n    return text\n"
NEW = "def read(text):\n    if 'size: 0' in text:\n        raise ValueError('size must not be 0')\n"
BROKEN = "import a_package_that_nobody_has\n"


def _wheel(folder: Path, version: str, source: str) -> None:
    with zipfile.ZipFile(folder / f"demo-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("demo/__init__.py", source)
        wheel.writestr("demo/asked.py", JUDGE)
        wheel.writestr(f"demo-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n")


@pytest.fixture
def made_up() -> Referee:
    # In an environment of its own only so that a folder's packages are the ones that are found.
    return replace(BY_NAME["axolotl"], name="demo", environment="", judge="demo.asked")


def _question(window: str, text: str = "size: 0", *, is_bad: bool = True) -> Question:
    rule = next(rule for rule in load_rulebook() if rule.code == "AX101")
    return Question(replace(rule, versions={"demo": window}), 0, is_bad, "", text)


def _asked(folder: Path, referee: Referee, question: Question) -> list[Asked]:
    found = archives("demo", [folder])
    return [
        ask(referee, "demo", str(version), unpacked("demo", version, archive, folder), [question])
        for version, archive in found.items()
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _wheel(tmp_path, "2.0", NEW)
    _wheel(tmp_path, "1.0", OLD)
    (tmp_path / "demo-notes.txt").write_text("no archive")
    return tmp_path


def test_releases_are_found_oldest_first(folder: Path) -> None:
    assert list(archives("demo", [folder])) == [Version("1.0"), Version("2.0")]
    assert not archives("another", [folder])


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (_question(">=2"), []),
        (_question(">=1"), [("Bad accepted", "1.0", "")]),
        (_question(">=1", is_bad=False), [("Good rejected", "2.0", "ValueError: size must not be 0")]),
        (_question(">=1", "size: 1", is_bad=False), []),
        (_question("<1"), []),
        (replace(_question(">=1", is_bad=False), pinned={"demo": "1.0"}), []),
    ],
    ids=["right", "too wide", "a Good that is none", "a Good", "never asked", "a Good of the other release"],
)
def test_what_contradicts_a_page(
    folder: Path, made_up: Referee, question: Question, expected: list[tuple[str, str, str]]
) -> None:
    found = contradictions(made_up, _asked(folder, made_up, question))
    assert [(each.kind, each.release, each.reason) for each in found] == expected


def test_a_window_that_is_too_narrow_is_said(folder: Path, made_up: Referee) -> None:
    _wheel(folder, "3.0", NEW)
    found = contradictions(made_up, _asked(folder, made_up, _question(">=3")))
    assert [(each.kind, each.release) for each in found] == [("window too narrow", "2.0")]


def test_a_release_that_cannot_be_imported_is_named(folder: Path, made_up: Referee) -> None:
    _wheel(folder, "4.0", BROKEN)
    every = _asked(folder, made_up, _question(">=2"))
    assert [bool(each.failure) for each in every] == [False, False, True]
    lines = report(every, contradictions(made_up, every), 1)
    assert lines[0] == "1 examples, 2 releases asked: 1.0, 2.0"
    assert lines[1].startswith("not asked: 4.0: ModuleNotFoundError")
    assert "a_package_that_nobody_has" in lines[1]


def test_a_release_that_refuses_everything_says_nothing_of_the_pages(folder: Path, made_up: Referee) -> None:
    _wheel(folder, "5.0", "def read(text):\n    raise TypeError('conflicting options')\n")
    some = [_question(">=1", f"size: {size}", is_bad=False) for size in (1, 2)]
    home = unpacked("demo", Version("5.0"), archives("demo", [folder])[Version("5.0")], folder)
    found = ask(made_up, "demo", "5.0", home, some)
    assert found.failure == "refuses every example: TypeError: conflicting options"
    assert not contradictions(made_up, [found])


def test_a_place_is_named_within_its_package(folder: Path, made_up: Referee) -> None:
    [_, asked] = _asked(folder, made_up, _question(">=2"))
    assert [verdict.place for _, verdict in asked.verdicts] == ["demo/__init__.py:3"]


def test_examples_become_questions() -> None:
    found = list(questions(load_rulebook(), BY_NAME["training_arguments"], ("HF",)))
    one = next(each for each in found if each.rule.code == "HF118" and each.is_bad)
    assert (one.root, one.text) == ("TrainingArguments", "args = TrainingArguments(output_dir='out', fsdp=2)\n")
    assert admits(one.rule, {"transformers": "5.6.2"})
    assert not admits(one.rule, {"transformers": "5.10.0"})
    assert {each.rule.code for each in found} >= {"HF101", "HF107", "HF119"}
