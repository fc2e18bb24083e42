"""From paths to findings: selection, severities, ignores, shared files, broken files, and failures of our own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftlint.dialects.registry import Explained, explain
from ftlint.engine import Selection
from ftlint.errors import UsageError
from ftlint.syntax.document import DataDocument
from tests.engine.projects import LORA, OFFLOAD, PROJECT, SETTINGS, TRAIN, checked, shown, write

MEM101 = ("MEM101", "error", "ds.json")


def test_a_finding_across_files(tmp_path: Path) -> None:
    result = checked(write(tmp_path, PROJECT))
    assert shown(result, tmp_path) == [MEM101]
    related = {item.location.path.name for item in result.findings[0].related}
    assert {"train.yaml", "ftlint.toml"} <= related
    (run,) = result.runs
    assert {item.path.name for item in run.inputs if item.found} >= {"train.yaml", "ds.json"}


def test_the_referenced_file_alone_brings_its_run(tmp_path: Path) -> None:
    write(tmp_path, PROJECT)
    assert shown(checked(tmp_path, "ds.json"), tmp_path) == [MEM101]
    assert shown(checked(tmp_path, "train.yaml"), tmp_path) == [MEM101]


def test_a_missing_reference_is_no_run_on_one_gpu(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "train.yaml": TRAIN.replace("ds.json", "nowhere.json")})
    result = checked(tmp_path)
    assert shown(result, tmp_path) == []
    assert [item.found for item in result.runs[0].inputs if item.path.name == "nowhere.json"] == [False]


def test_projects_do_not_share_files(tmp_path: Path) -> None:
    write(tmp_path / "a", PROJECT)
    write(tmp_path / "b", {**PROJECT, "ds.json": '{"train_batch_size": "auto", "zero_optimization": {"stage": 2}}'})
    assert shown(checked(tmp_path), tmp_path) == [("MEM101", "error", "a/ds.json")]


def test_where_runs_disagree_the_finding_stands_at_the_reference(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "lora.yaml": LORA})
    (finding,) = checked(tmp_path).findings
    assert finding.location.path.name == "train.yaml"
    text = TRAIN[finding.location.span.start : finding.location.span.end]
    assert text == "ds.json"
    assert all(edit.location.path.name != "ds.json" for fix in finding.fixes for edit in fix.edits)


def test_where_runs_agree_it_is_one_finding(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "again.yaml": TRAIN})
    assert shown(checked(tmp_path), tmp_path) == [MEM101]


@pytest.mark.parametrize("selector", ["MEM101", "MEM", "MEM1", "zero3-offload-host-ram", "ALL"])
def test_ignored_on_the_command_line(tmp_path: Path, selector: str) -> None:
    write(tmp_path, PROJECT)
    assert checked(tmp_path, selection=Selection(ignore=(selector,))).findings == ()


def test_selected_on_the_command_line_over_the_settings(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "ftlint.toml": 'ignore = ["MEM"]\n' + SETTINGS})
    assert checked(tmp_path).findings == ()
    assert shown(checked(tmp_path, selection=Selection(select=("MEM101",))), tmp_path) == [MEM101]
    assert shown(checked(tmp_path, selection=Selection(extend_select=("MEM",))), tmp_path) == [MEM101]
    assert checked(tmp_path, selection=Selection(select=("DTY101",))).findings == ()


def test_a_selector_of_no_rule_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="MEM101"):
        checked(tmp_path, selection=Selection(select=("MEM1O1",)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('ignore = ["MEM999"]\n' + SETTINGS, ["ftlint.toml", "MEM999"]),
        (SETTINGS + '[per-file-ignores]\n"*.json" = ["NOPE1"]\n', ["ftlint.toml", "NOPE1"]),
        (SETTINGS + '[severity]\nMEM10l = "info"\n', ["ftlint.toml", "MEM10l"]),
        ("[hardware]\ngpuz = 1\n", ["ftlint.toml", "gpuz"]),
        ("[hardware\n", ["ftlint.toml"]),
    ],
)
def test_bad_settings_are_one_line_and_stop_nobody_else(tmp_path: Path, settings: str, words: list[str]) -> None:
    write(tmp_path / "good", PROJECT)
    write(tmp_path / "bad", {**PROJECT, "ftlint.toml": settings})
    result = checked(tmp_path)
    assert shown(result, tmp_path) == [("MEM101", "error", "good/ds.json")]
    (unread,) = result.unread
    assert "\n" not in unread.reason
    assert all(word in unread.reason for word in words)


def test_severity_of_the_settings(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "ftlint.toml": SETTINGS + '[severity]\nMEM101 = "info"\n'})
    assert shown(checked(tmp_path), tmp_path) == [("MEM101", "info", "ds.json")]


def test_per_file_ignores(tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "ftlint.toml": SETTINGS + '[per-file-ignores]\n"*.json" = ["MEM101"]\n'})
    assert checked(tmp_path).findings == ()


BROKEN = 'stage: sft\nmodel_name_or_path: "x\nfinetuning_type: lora\n'


def test_ignores_in_comments(tmp_path: Path) -> None:
    above = "    # ftlint: ignore[MEM101] tested on this node\n"
    yaml = OFFLOAD.replace('    "offload_optimizer"', above + '    "offload_optimizer"')
    files = {**PROJECT, "train.yaml": TRAIN.replace("ds.json", "ds.yaml"), "ds.yaml": yaml}
    del files["ds.json"]
    write(tmp_path, files)
    assert checked(tmp_path).findings == ()


def test_an_ignore_of_the_whole_file(tmp_path: Path) -> None:
    files = {
        **PROJECT,
        "train.yaml": TRAIN.replace("ds.json", "ds.yaml"),
        "ds.yaml": "# ftlint: ignore-file[MEM]\n" + OFFLOAD,
    }
    del files["ds.json"]
    assert checked(write(tmp_path, files)).findings == ()


@pytest.mark.parametrize(
    ("comment", "after"),
    [
        ("bf16: true  # ftlint: ignore[MEM101]\n", "bf16: true\n"),
        ("# ftlint: ignore[DTY101] because\nbf16: true\n", "bf16: true\n"),
        ("bf16: true  # ftlint: ignore[NOPE99]\n", "bf16: true\n"),
        ("bf16: true  # ftlint: ignore[DTY101, MEM101] both\n", None),
    ],
)
def test_an_ignore_that_ignores_nothing_is_reported(tmp_path: Path, comment: str, after: str | None) -> None:
    from ftlint.findings import Applicability
    from ftlint.fixing import plan
    from ftlint.fixing import write as write_fixes

    files = {"train.yaml": LORA.replace("bf16: true\n", comment)}
    result = checked(write(tmp_path, files))
    assert {finding.code for finding in result.findings} == {"CFG002"}
    if after is not None:
        documents = {file.path: file.document for file in result.files if file.document is not None}
        write_fixes(plan(result.findings, Applicability.SAFE, documents))
        assert (tmp_path / "train.yaml").read_text("utf-8") == LORA.replace("bf16: true\n", after)


def test_an_ignore_of_a_rule_that_is_off_waits(tmp_path: Path) -> None:
    write(tmp_path, {"train.yaml": LORA + "# ftlint: ignore-file[MEM101]\n", "ftlint.toml": 'ignore = ["MEM"]\n'})
    assert checked(tmp_path).findings == ()


def test_a_file_that_does_not_parse_is_one_finding(tmp_path: Path) -> None:
    write(
        tmp_path, {**PROJECT, "broken.yaml": BROKEN, "half.json": '{"zero_optimization": {"stage": 3', "a.py": "def ("}
    )
    found = shown(checked(tmp_path), tmp_path)
    assert MEM101 in found
    assert [row for row in found if row[0] == "CFG001"] == [
        ("CFG001", "info", "a.py"),
        ("CFG001", "error", "broken.yaml"),
        ("CFG001", "error", "half.json"),
    ]


def test_a_file_named_one_by_one_must_parse_whatever_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "def (", "b.yaml": "a: [1\n"})
    assert shown(checked(tmp_path, "a.py", "b.yaml"), tmp_path) == [
        ("CFG001", "error", "a.py"),
        ("CFG001", "error", "b.yaml"),
    ]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads such code")
def test_code_of_a_newer_python_is_no_broken_file(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": 'import transformers\n\nprompt = f"{row["question"]}, and why"\n'})
    assert shown(checked(tmp_path, "train.py"), tmp_path) == [("CFG001", "info", "train.py")]


def test_a_template_is_no_broken_file(tmp_path: Path) -> None:
    write(tmp_path, {"ds.json": '{"train_batch_size": BATCH_SIZE, "zero_optimization": {"stage": 1}}'})
    assert shown(checked(tmp_path), tmp_path) == [("CFG001", "info", "ds.json")]


def test_missing_and_unreadable_inputs_do_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, PROJECT)
    result = checked(tmp_path, "ds.json", "nowhere.json", "notes.txt")
    assert MEM101 in shown(result, tmp_path)
    assert len(result.unread) == 2


def test_our_own_failure_is_a_finding_on_that_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> Iterator[object]:
        raise RuntimeError("a bug of ours")

    write(tmp_path / "a", PROJECT)
    monkeypatch.setattr("ftlint.checks.memory.offload_host_ram", fail)
    from ftlint.rulebook import check_functions

    check_functions._find.cache_clear()
    try:
        write(tmp_path / "b", {"half.json": '{"zero_optimization": {"stage": 3'})
        result = checked(tmp_path)
    finally:
        check_functions._find.cache_clear()
    assert {row[0] for row in shown(result, tmp_path)} == {"CFG001", "CFG003"}
    assert len(result.unread) == 1


def test_our_own_failure_while_reading_one_file_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_on_one(document: DataDocument, named: str | None = None) -> Explained:
        if document.path.name == "bad.json":
            raise RuntimeError("a bug of ours")
        return explain(document, named)

    monkeypatch.setattr("ftlint.engine.checking.explain", fail_on_one)
    write(tmp_path, {**PROJECT, "bad.json": "{}"})
    result = checked(tmp_path)
    assert shown(result, tmp_path) == [MEM101]
    (unread,) = result.unread
    assert "bad.json" in unread.reason
