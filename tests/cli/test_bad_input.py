"""What people and accidents put before the program: it ends soon, with a line that says why, and hides nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, SETTINGS_TEXT, Cli, Outcome

BROKEN = '{"zero_optimization": {"stage": 2} "bf16": 1}\n'
LLAMAFACTORY = """\
model_name_or_path: Qwen/Qwen2.5-7B
stage: sft
do_train: true
finetuning_type: full
dataset: alpaca
template: qwen
output_dir: out
"""
SCRIPT = """\
import torch
from transformers import AutoModelForCausalLM
m = AutoModelForCausalLM.from_pretrained("gpt2", torch_dtype=torch.bfloat16)
m.lm_head = torch.nn.Linear(768, 2)
m(torch.zeros(1, 1))
"""
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions, pipes and devices")


def assert_one_line(outcome: Outcome, *words: str) -> None:
    """Exit status 2 and one line on stderr that holds these words."""
    assert outcome.status == 2
    (line,) = outcome.stderr.splitlines()
    assert all(word in line for word in words)


def program(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A shell line in which `$FTLINT` is the program."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FTLINT": f"{sys.executable} -m ftlint"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=30
    )


@posix_only
@pytest.mark.parametrize("arguments", [(), ("closed.json", "listed", ".")])
def test_what_may_not_be_read_hides_nothing(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (folder / "broken.json").write_text(BROKEN)
    (folder / "closed.json").write_text(BROKEN)
    (folder / "listed").mkdir()
    (folder / "listed" / "x.json").write_text(BROKEN)
    _close(monkeypatch, folder / "closed.json", folder / "listed" / "x.json")
    outcome = cli("check", "--quiet", *arguments)
    assert outcome.status == 2
    assert "broken.json:1:36 CFG001" in outcome.stdout
    assert outcome.stderr.splitlines() == [
        "ftlint: closed.json: permission denied",
        "ftlint: listed/x.json: permission denied",
    ]


def _close(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Files as somebody sees them who may list their folder and nothing else; root, who may run tests, reads all."""
    closed = {os.fspath(path) for path in paths} | {path.name for path in paths}
    stat, access = os.stat, os.access

    def refused(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if not isinstance(path, int) and os.fspath(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return stat(path, *arguments, **options)

    class Entry:
        """What `os.scandir` yields; its `stat` asks the file, everything else is known from the folder."""

        def __init__(self, entry: os.DirEntry[str]) -> None:
            self._entry = entry

        def __getattr__(self, name: str) -> Any:
            return getattr(self._entry, name)

        def stat(self) -> os.stat_result:
            return refused(os.path.abspath(self._entry.path))

    class Listing:
        """What `os.scandir` returns."""

        def __init__(self, folder: Any = ".") -> None:
            self._entries = scandir(folder)

        def __enter__(self) -> Iterator[Entry]:
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def __iter__(self) -> Iterator[Entry]:
            return self

        def __next__(self) -> Entry:
            return Entry(next(self._entries))

    def allowed(path: Any, *arguments: Any, **options: Any) -> bool:
        return os.fspath(path) not in closed and access(path, *arguments, **options)

    scandir = os.scandir
    monkeypatch.setattr(os, "stat", refused)
    monkeypatch.setattr(os, "scandir", Listing)
    monkeypatch.setattr(os, "access", allowed)


@posix_only
def test_two_names_of_one_file_are_fixed_once(cli: Cli, folder: Path) -> None:
    (folder / "train.py").write_text(SCRIPT)
    (folder / "link.py").symlink_to("train.py")
    outcome = cli("check", "--fix")
    assert (outcome.status, outcome.stdout) == (0, "")
    assert (folder / "train.py").read_text() == SCRIPT.replace("(768, 2)", "(768, 2, dtype=torch.bfloat16)")
    assert (folder / "link.py").is_symlink()


@posix_only
@pytest.mark.parametrize("name", ["a b.py", 'a"b.py', "a\\b.py", "a\n+++ b.py"])
def test_a_diff_names_its_file_in_one_line(cli: Cli, folder: Path, name: str) -> None:
    (folder / name).write_text(SCRIPT)
    lines = cli("check", "--diff").stdout.splitlines()
    assert [line[:4] for line in lines if line.startswith(("---", "+++"))] == ["--- ", "+++ "]
    if shutil.which("patch"):
        patch = cli("check", "--diff").stdout
        subprocess.run(["patch", "-s", "-p0"], cwd=folder, input=patch, text=True, check=True)
        assert "dtype=torch.bfloat16)" in (folder / name).read_text()


def test_merges_that_multiply_end(cli: Cli, folder: Path) -> None:
    letters = "abcdefghijklmnop"
    bomb = "a: &a {x: 1}\n" + "".join(
        f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}], {name}1: 1}}\n" for before, name in pairwise(letters)
    )
    (folder / "train.yaml").write_text(f"{LLAMAFACTORY}{bomb}<<: *p\n")
    (folder / "broken.json").write_text(BROKEN)
    outcome = cli("check", "--output-format", "json")
    filenames = [finding["filename"] for finding in json.loads(outcome.stdout)]
    assert "broken.json" in filenames
    assert len(filenames) < 1_000


def test_keys_written_over_and_over_end(cli: Cli, folder: Path) -> None:
    keys = ",".join(f'"k{number % 14000}": {{}}' for number in range(33_000))
    (folder / "ds.json").write_text(f'{{"train_batch_size": 8, "zero_optimization": {{{keys}}}}}')
    outcome = cli("check", "--output-format", "json")
    assert outcome.status == 0  # no release is said, so that none of them is known is no error
    assert len(json.loads(outcome.stdout)) < 1_000


@pytest.mark.parametrize("number", ["0x" + "f" * 20_000, "9" * 20_000, "1" + ":59" * 5_000])
def test_numbers_that_python_refuses_to_print(cli: Cli, folder: Path, number: str) -> None:
    (folder / "train.yaml").write_text(f"{LLAMAFACTORY}per_device_train_batch_size: {number}\n")
    for command in ("check", "show", "estimate"):
        outcome = cli(command, "train.yaml")
        assert (outcome.status, outcome.stderr.count("Traceback")) == (0, 0)


@pytest.mark.parametrize(
    "settings",
    [
        "select = 0x" + "f" * 6_000,
        "[hardware]\nnodes = 0x" + "f" * 6_000,
        "a" + ".a" * 50_000 + " = 1",
        "[a" + ".a" * 3_000 + "]",
    ],
)
def test_settings_of_monstrous_size(cli: Cli, folder: Path, settings: str) -> None:
    (folder / "ftlint.toml").write_text(settings + "\n")
    outcome = cli("check", "--quiet")
    assert_one_line(outcome, "ftlint.toml:")
    assert len(outcome.stderr) < 300


def test_many_ignores_end(cli: Cli, folder: Path) -> None:
    lines = "".join(f"x{number} = 1  # ftlint: ignore[NOPE{number}]\n" for number in range(1_000))
    (folder / "train.py").write_text(f"{SCRIPT}{lines}")
    outcome = cli("check", "--output-format", "json")
    assert len(json.loads(outcome.stdout)) == 1_001


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_cache_that_is_no_file(ftlint_process: Cli, folder: Path, kind: str) -> None:
    cache = folder / "cache"
    environment = {"FTLINT_CACHE_DIR": str(cache)}
    ftlint_process("check", environment=environment)
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.unlink()
        os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    assert ftlint_process("check", "ds.json", environment=environment).status == 0


@posix_only
def test_a_working_directory_that_is_gone(folder: Path) -> None:
    outcome = program(folder, "mkdir gone; cd gone; rmdir ../gone; exec $FTLINT check")
    assert (outcome.returncode, outcome.stderr) == (
        2, "ftlint: the working directory is gone: somebody has deleted it\n"
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_nothing_can_be_written_anywhere(folder: Path) -> None:
    (folder / "broken.json").write_text(BROKEN)
    command = "$FTLINT check 2>/dev/full >/dev/null; echo $?; $FTLINT check >/dev/full 2>&1; echo $?; "
    command += "$FTLINT --version >/dev/full; echo $?"
    assert program(folder, command).stdout.split() == ["1", "2", "2"]


@posix_only
def test_a_spec_on_stdin_is_text_of_a_certain_size(folder: Path) -> None:
    bytes_of_latin1 = program(folder, r"""printf '{"model": {"id": "\xe9"}}' | $FTLINT estimate --spec -""")
    endless = program(folder, "$FTLINT estimate --spec - </dev/zero")
    assert (bytes_of_latin1.returncode, endless.returncode) == (2, 2)
    assert bytes_of_latin1.stderr.startswith("ftlint: stdin: not JSON: ")
    assert endless.stderr == "ftlint: stdin: too large: ftlint reads up to 10 MB\n"


@posix_only
@pytest.mark.parametrize("page", ["broken", "pipe"])
def test_a_broken_house_rule_is_one_projects_affair(cli: Cli, folder: Path, page: str) -> None:
    (folder / "house" / "rules").mkdir(parents=True)
    (folder / "house" / "ftlint.toml").write_text('rulebook = ["rules"]\n')
    (folder / "house" / "ds.json").write_text(SETTINGS_TEXT)
    path = folder / "house" / "rules" / "HSE100-no-page.md"
    path.write_text("no front matter\n") if page == "broken" else os.mkfifo(path)
    (folder / "broken.json").write_text(BROKEN)
    outcome = cli("check", "--quiet")
    assert_one_line(outcome, "HSE100-no-page.md")
    assert "broken.json:1:36 CFG001" in outcome.stdout


@pytest.mark.parametrize("text", ["[tool]\nftlint = 3\n", "tool = 3  # ftlint\n"])
def test_a_pyproject_whose_tables_are_none(cli: Cli, folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    outcome = cli("check", "--quiet")
    assert outcome.status in (0, 2)
    assert "Traceback" not in outcome.stderr


def test_settings_that_extend_each_other_without_end(cli: Cli, folder: Path) -> None:
    for number in range(2_000):
        (folder / f"{number}.toml").write_text(f'extend = "{number + 1}.toml"\n')
    (folder / "ftlint.toml").write_text('extend = "0.toml"\n')
    assert_one_line(cli("check", "--quiet"), "extend")


def test_a_release_of_thousands_of_digits(cli: Cli, folder: Path) -> None:
    (folder / "train.yaml").write_text(LLAMAFACTORY)
    (folder / "ftlint.toml").write_text(f'[versions]\ntransformers = "{"9" * 5_000}"\n')
    assert_one_line(cli("check", "--quiet"), "versions.transformers")


CONFIG = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 256,
}  # fmt: skip


def test_a_key_that_stands_twice_is_an_error(cli: Cli, folder: Path) -> None:
    (folder / "twice.json").write_text('{"model": "Qwen/Qwen2.5-0.5B", "batch": {"micro": 1, "micro": 64}}')
    assert_one_line(cli("estimate", "--spec", "twice.json"), "twice.json", "'micro' stands twice")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_size": -1}, ("model.config.hidden_size", "found -1")),
        ({"vocab_size": "256"}, ("model.config.vocab_size", 'found "256"')),
        ({"model_type": "lama"}, ("model.config.model_type 'lama'", "did you mean 'llama'?")),
        ({"num_key_value_heads": 3}, ("num_attention_heads is not a multiple of num_key_value_heads",)),
    ],
)
def test_a_complaint_about_a_config_shows_what_stands_there(
    cli: Cli, folder: Path, changes: dict[str, object], words: tuple[str, ...]
) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    assert_one_line(cli("estimate", "--model", "."), *words)
    assert_one_line(cli("estimate", "--model", "config.json"), *words)


def test_a_size_that_a_config_leaves_out_is_named(cli: Cli, folder: Path) -> None:
    """transformers would take its class' default, which may be another model's."""
    (folder / "config.json").write_text(json.dumps({key: CONFIG[key] for key in CONFIG if key != "vocab_size"}))
    assert "  model.config.vocab_size = 32000: not in the config" in cli("estimate", "--model", ".").stdout


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("lora_target: q_prj\n", ("adapter.lora_targets: q_prj",)),
        ("stage: rm\n", ("model.model_class",)),
        ("finetuning_type: oft\n", ("adapter.method",)),
        ("model_name_or_path: me/mine\n", ("'me/mine'", "catalogue")),
    ],
)
def test_a_run_without_estimate_says_which_fact_it_lacks(
    cli: Cli, folder: Path, lines: str, words: tuple[str, ...]
) -> None:
    key = lines.partition(":")[0]
    text = "".join(line for line in LLAMAFACTORY.splitlines(keepends=True) if not line.startswith(f"{key}:"))
    text = text.replace("finetuning_type: full\n", "finetuning_type: lora\n")
    (folder / "run.yaml").write_text(text + lines)
    assert_one_line(cli("estimate", "run.yaml"), "run.yaml", "no estimate", *words)
