from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.findings import Applicability, Edit, Finding, Fix, Severity
from ftlint.fixing import FileChange, Plan, plan, read_text, unified_diff, write
from ftlint.spans import Location, Span
from ftlint.syntax import format_of, parse
from ftlint.syntax.document import DataDocument, Document, Format
from ftlint.syntax.editing import set_value
from ftlint.syntax.notebook import percent_to_notebook

SAFE, UNSAFE, DISPLAY = Applicability.SAFE, Applicability.UNSAFE, Applicability.DISPLAY


def _document(path: Path) -> Document:
    format = format_of(path)
    assert format is not None
    return parse(path, path.read_bytes(), format)


def _finding(*fixes: Fix) -> Finding:
    location = fixes[0].edits[0].location if fixes and fixes[0].edits else Location(Path("x"), Span(0, 0))
    return Finding("DS001", "a-rule", Severity.ERROR, "a message", location, fixes=fixes)


def _replace(
    path: Path, old: str, new: str, *, cell: int | None = None, applicability: Applicability = SAFE
) -> Finding:
    text = next(source.text for source in _document(path).sources if source.cell == cell)
    span = Span(text.index(old), text.index(old) + len(old))
    return _finding(Fix("change it", applicability, (Edit(Location(path, span, cell), new),)))


def _plan(*findings: Finding, up_to: Applicability = SAFE) -> Plan:
    paths = {edit.location.path for finding in findings for fix in finding.fixes for edit in fix.edits}
    return plan(findings, up_to, {path: _document(path) for path in paths})


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"stage: 2\nlr: 1\nseed: 3\n")
    return path


def test_two_fixes_of_one_file(recipe: Path) -> None:
    findings = _replace(recipe, "2", "3"), _replace(recipe, "seed", "random_seed")
    made = _plan(*findings)
    assert made.applied == findings
    assert write(made) == ()
    assert recipe.read_bytes() == b"stage: 3\nlr: 1\nrandom_seed: 3\n"


def test_the_first_of_two_overlapping_fixes_wins(recipe: Path) -> None:
    first, second = _replace(recipe, "stage: 2", "stage: 3"), _replace(recipe, "2\nlr", "3\nlearning_rate")
    made = _plan(first, second)
    assert made.applied == (first,)
    assert made.changes[0].new_text == "stage: 3\nlr: 1\nseed: 3\n"


def test_two_insertions_at_one_point_wait_for_each_other(recipe: Path) -> None:
    first = _finding(Fix("", SAFE, (Edit(Location(recipe, Span(8, 8)), "\na: 1"),)))
    second = _finding(Fix("", SAFE, (Edit(Location(recipe, Span(8, 8)), "\nb: 1"),)))
    assert _plan(first, second).applied == (first,)


def test_the_same_edit_twice_is_made_once(recipe: Path) -> None:
    insertion = Edit(Location(recipe, Span(0, 0)), "bf16: true\n")
    first = _finding(Fix("", SAFE, (insertion,)))
    second = _finding(Fix("", SAFE, (insertion, *_replace(recipe, "seed", "random_seed").fixes[0].edits)))
    made = _plan(first, second)
    assert made.applied == (first, second)
    assert made.changes[0].new_text == "bf16: true\nstage: 2\nlr: 1\nrandom_seed: 3\n"


def test_a_fix_is_made_whole_or_not_at_all(recipe: Path) -> None:
    first = _replace(recipe, "stage", "zero_stage")
    edits = (*_replace(recipe, "stage: 2", "x: 1").fixes[0].edits, *_replace(recipe, "seed", "y").fixes[0].edits)
    made = _plan(first, _finding(Fix("", SAFE, edits)))
    assert made.changes[0].new_text == "zero_stage: 2\nlr: 1\nseed: 3\n"


@pytest.mark.parametrize(("up_to", "new"), [(SAFE, "c"), (UNSAFE, "b")])
def test_the_first_applicable_fix_of_a_finding(recipe: Path, up_to: Applicability, new: str) -> None:
    choices = [
        _replace(recipe, "2", text, applicability=how) for how, text in ((DISPLAY, "a"), (UNSAFE, "b"), (SAFE, "c"))
    ]
    made = _plan(_finding(*(choice.fixes[0] for choice in choices)), up_to=up_to)
    assert made.changes[0].new_text.startswith(f"stage: {new}\n")


def test_a_fix_that_breaks_the_file_is_not_made(recipe: Path) -> None:
    good, bad = _replace(recipe, "2", "3"), _replace(recipe, "lr: 1", "lr: [1")
    made = _plan(good, bad)
    assert made.applied == (good,)


def test_the_breaking_fix_does_not_take_others_with_it(recipe: Path) -> None:
    good, bad, also_good = _replace(recipe, "2", "3"), _replace(recipe, "1", "[1"), _replace(recipe, "seed", "s")
    assert _plan(good, bad, also_good).applied == (good, also_good)


def test_a_notebook_that_is_gone_is_an_error_of_the_plan(recipe: Path) -> None:
    path = recipe.with_name("a.ipynb")
    path.write_text(percent_to_notebook("# %%\nx = 1\n"), encoding="utf-8")
    finding, other = _replace(path, "1", "2", cell=1), _replace(recipe, "2", "3")
    documents = {path: _document(path), recipe: _document(recipe)}
    path.unlink()
    made = plan([finding, other], SAFE, documents)
    assert made.applied == (other,)
    assert ["a.ipynb" in str(error) for error in made.errors] == [True]


def test_edits_outside_the_text_or_of_unknown_files_are_not_made(recipe: Path, tmp_path: Path) -> None:
    for path, span in ((recipe, Span(5, 999)), (tmp_path / "other.yaml", Span(0, 0))):
        finding = _finding(Fix("", SAFE, (Edit(Location(path, span), "x"),)))
        assert plan([finding], SAFE, {recipe: _document(recipe)}) == Plan((), ())


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("a.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", b"\xef\xbb\xbfa: 5\r\nc: 1\r\nb: 2\r\n"),
        ("a.yaml", "a: 1\nb: é\n".encode("utf-16"), "a: 5\nc: 1\nb: é\n".encode("utf-16")),
        ("a.yaml", b"a: 1\nb: \xff\xe9\n", b"a: 5\nc: 1\nb: \xff\xe9\n"),
        ("a.py", b"# coding: latin-1\ra = 1 # \xe9\r", b"# coding: latin-1\ra = 5\rc: 1 # \xe9\r"),
    ],
)
def test_encoding_mark_and_line_ends_stay(tmp_path: Path, name: str, data: bytes, wanted: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert (
        write(_plan(_replace(path, "1", "5\nc: 1") if name == "a.yaml" else _replace(path, "= 1", "= 5\nc: 1"))) == ()
    )
    assert path.read_bytes() == wanted


def test_a_character_that_the_encoding_lacks_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: latin-1\na = 1\n")
    (error,) = write(_plan(_replace(path, "a = 1", "a = '\u20ac'")))
    assert "iso8859-1" in str(error)
    assert path.read_bytes() == b"# coding: latin-1\na = 1\n"


def test_a_file_changed_in_between_is_left_alone(recipe: Path) -> None:
    made = _plan(_replace(recipe, "2", "3"))
    recipe.write_text("stage: 1\n", encoding="utf-8")
    (error,) = write(made)
    assert "was changed" in str(error)
    assert recipe.read_text(encoding="utf-8") == "stage: 1\n"


def test_files_of_one_fix_are_written_together_or_not_at_all(recipe: Path) -> None:
    other, third = recipe.with_name("other.yaml"), recipe.with_name("third.yaml")
    other.write_text("x: 1\n", encoding="utf-8")
    third.write_text("x: 1\n", encoding="utf-8")
    edits = (*_replace(other, "1", "2").fixes[0].edits, *_replace(recipe, "2", "3").fixes[0].edits)
    made = _plan(_finding(Fix("", SAFE, edits)), _replace(third, "1", "2"))
    assert [[change.path.name for change in bundle] for bundle in made.bundles] == [
        ["other.yaml", "recipe.yaml"],
        ["third.yaml"],
    ]
    recipe.unlink()
    (error,) = write(made)
    assert "recipe.yaml" in str(error)
    assert other.read_text(encoding="utf-8") == "x: 1\n"
    assert third.read_text(encoding="utf-8") == "x: 2\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor, for everyone, links")
def test_mode_and_links_stay(recipe: Path) -> None:
    recipe.chmod(0o751)
    link = recipe.with_name("link.yaml")
    link.symlink_to(recipe.name)
    assert write(_plan(_replace(link, "2", "3"))) == ()
    assert link.is_symlink()
    assert recipe.read_bytes().startswith(b"stage: 3")
    assert stat.S_IMODE(recipe.stat().st_mode) == 0o751
    assert sorted(path.name for path in recipe.parent.iterdir()) == ["link.yaml", "recipe.yaml"]


def test_nothing_is_left_behind_when_writing_fails(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _plan(_replace(recipe, "2", "3"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    (error,) = write(made)
    assert "No space left" in str(error)
    assert [path.name for path in recipe.parent.iterdir()] == ["recipe.yaml"]
    assert recipe.read_bytes().startswith(b"stage: 2")


@pytest.mark.parametrize("indent", [1, 4, None])
def test_notebook_edits_change_only_that_source(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "train.ipynb"
    notebook = json.loads(percent_to_notebook("# %%\nx = 1\n# %%\nmodel = load()\ny = 'é'\n"))
    path.write_text(json.dumps(notebook, indent=indent, ensure_ascii=False), encoding="utf-8")
    made = _plan(_replace(path, "load()", "load(\n  1)", cell=2), _replace(path, "1", "2", cell=1))
    assert write(made) == ()
    notebook["cells"][0]["source"] = ["x = 2"]
    notebook["cells"][1]["source"] = ["model = load(\n", "  1)\n", "y = 'é'"]
    assert path.read_text(encoding="utf-8") == json.dumps(notebook, indent=indent, ensure_ascii=False)


def test_a_second_round_finds_nothing_to_write(recipe: Path) -> None:
    document = _document(recipe)
    assert isinstance(document, DataDocument)
    assert write(plan([_finding(Fix("", SAFE, set_value(document, ["stage"], 3)))], SAFE, {recipe: document})) == ()
    again = _document(recipe)
    assert isinstance(again, DataDocument)
    assert plan([_finding(Fix("", SAFE, set_value(again, ["stage"], 3)))], SAFE, {recipe: again}).changes == ()


LINES = st.lists(st.sampled_from(["a: 1", "bb: [1, 2]", "# c", "é: x", ""]), max_size=5)


@given(LINES, LINES, st.sampled_from(["\n", "\r\n"]))
def test_fixes_commute_with_unrelated_text(before: list[str], after: list[str], line_end: str) -> None:
    path = Path("recipe.yaml")
    head, tail = (line_end.join([*lines, ""]) for lines in (before, after))
    document = parse(path, f"{head}stage: 2  # why{line_end}{tail}".encode(), Format.YAML)
    assert isinstance(document, DataDocument)
    edits = set_value(document, ["stage"], {"x": 3})
    made = plan([_finding(Fix("", SAFE, edits))], SAFE, {path: document})
    assert made.changes[0].new_text == f"{head}stage:  # why{line_end}  x: 3{line_end}{tail}"


def test_unified_diff() -> None:
    no_end = "\\ No newline at end of file\n"
    head = "--- a.yaml\n+++ a.yaml\n@@ -1,2 +1,2 @@\n a: 1\n"
    assert unified_diff("a.yaml", "a: 1\nb: 2", "a: 1\nb: 3") == f"{head}-b: 2\n{no_end}+b: 3\n{no_end}"
    assert unified_diff("a.yaml", "a\u2028\x0cb\r\n", "a\u2028\x0cc\r\n").count("\n") == 5
    assert unified_diff("a.yaml", "same", "same") == ""


def test_reading_a_file_that_is_not_there(tmp_path: Path) -> None:
    (error,) = write(Plan(((FileChange(tmp_path / "no.yaml", Format.YAML, "", "a"),),), ()))
    assert "no.yaml" in str(error)
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa\r\n")
    assert read_text(tmp_path / "a.yaml", Format.YAML) == "a\r\n"
