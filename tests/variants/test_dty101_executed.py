"""The variants of DTY101, of two testers, run: the bad must fail over their dtypes, the good must run to their end."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

HERE = Path(__file__).parent
PAGES = {"": HERE / "DTY101.md", "second": HERE / "second" / "DTY101.md"}  # a page for each tester
HEADING = re.compile(r"^## (Bad|Good): (\d+) (.+?)(?: \[(error|warning)\])?$", re.MULTILINE)
FENCE = re.compile(r"^```(\S+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"[ ]{2}<- DTY101[ ]*$", re.MULTILINE)
PIN = re.compile(r"""\btransformers(?:"?\s*=\s*"|\s*(?:==|>=|~=)\s*)(\d+(?:\.\d+)*)""")
INSTALLED = (5, 23)  # what a variant that pins nothing runs with
DTYPE_ERROR = re.compile(
    r"must have the same dtype|to have the same dtype|(bias|weight) type \(.*\) should be the same"
    r"|does not match weight dtype|expected scalar type|mixed dtype|Type promoting not supported"
)


@dataclass(frozen=True)
class Variant:
    """One variant of a page: which page, whether it is a good one, and its files, marks cut off."""

    page: str
    good: bool
    number: int
    title: str
    severity: str
    files: dict[str, str]
    marks: int

    @property
    def script(self) -> str:
        """The file to run: the last one with Python in it, so that what it imports comes before it."""
        return [name for name in self.files if name.endswith((".py", ".ipynb"))][-1]

    @property
    def version(self) -> tuple[int, ...]:
        """The release of transformers that the variant's files ask for."""
        pinned = [found for text in self.files.values() for found in PIN.findall(text)]
        return tuple(int(part) for part in pinned[0].split(".")) if pinned else INSTALLED

    @property
    def launched(self) -> bool:
        """Whether a Trainer or an Accelerator runs the model: `accelerate launch` has a say then."""
        return any(re.search(r"(Trainer|Accelerator)\(", text) for text in self.files.values())

    def __str__(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return f"{self.page and self.page + '-'}{'good' if self.good else 'bad'}-{self.number:02}-{words}"


def variants() -> list[Variant]:
    """The variants of every page, in their order."""
    return [variant for page in PAGES for variant in variants_of(page)]


def variants_of(page: str) -> list[Variant]:
    """The variants of one page, in its order."""
    text = PAGES[page].read_text(encoding="utf-8")
    heads = list(HEADING.finditer(text))
    found = []
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : after.start() if after else len(text)]
        files = {name: MARK.sub("", code) for _, name, code in FENCE.findall(body)}
        kind, number, title, severity = head.groups()
        marks = len(MARK.findall(body))
        found.append(Variant(page, kind == "Good", int(number), title, severity or "", files, marks))
    return found


def program(name: str, text: str) -> str:
    """What Python runs of a file: a notebook's lines for the shell and for IPython are dropped."""
    if not name.endswith(".ipynb"):
        return text
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(("%", "!")))


class Runner:
    """The process of `tiny_models.py`, which has imported the frameworks and runs a script at a time."""

    def __init__(self) -> None:
        offline = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ACCELERATE_", "PYTEST_"))}
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, str(HERE / "tiny_models.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**kept, **offline},
        )

    def _pipe(self, end: IO[str] | None) -> IO[str]:
        assert end is not None
        return end

    def run(self, variant: Variant, folder: Path, **environment: str) -> dict[str, Any]:
        """How `variant` ended in `environment`, its files written into `folder`."""
        for name, text in variant.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(program(name, text), encoding="utf-8")
        job = {
            "folder": str(folder),
            "script": variant.script,
            "version": variant.version,
            "probe": not variant.good,
            "environment": environment,
        }
        self._pipe(self.process.stdin).write(json.dumps(job) + "\n")
        self._pipe(self.process.stdin).flush()
        answer: dict[str, Any] = json.loads(self._pipe(self.process.stdout).readline())
        return answer

    def close(self) -> None:
        """Let the process end."""
        self._pipe(self.process.stdin).close()
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    if not hasattr(os, "fork"):
        pytest.skip("the scripts run in forked processes")
    started = Runner()
    yield started
    started.close()


def needs(variant: Variant) -> None:
    """Skip where a framework that `variant` imports is missing."""
    for package in ("accelerate", "datasets", "peft", "trl"):
        imported = re.compile(rf"^\s*(?:from|import) {package}\b", re.MULTILINE)
        if any(imported.search(text) for text in variant.files.values()) and not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_well_formed(page: str) -> None:
    every = variants_of(page)
    bad = [variant for variant in every if not variant.good]
    assert len(bad) >= 20
    assert len(every) - len(bad) >= 20
    for kind in (True, False):
        numbers = [variant.number for variant in every if variant.good is kind]
        assert numbers == list(range(1, len(numbers) + 1))
    for variant in every:
        assert variant.files, str(variant)
        assert bool(variant.severity) is not variant.good, str(variant)
        assert bool(variant.marks) is not variant.good, str(variant)


@pytest.mark.referee
@pytest.mark.parametrize("variant", [variant for variant in variants() if not variant.good], ids=str)
def test_a_bad_variant_fails_over_its_dtypes(variant: Variant, runner: Runner, tmp_path: Path) -> None:
    needs(variant)
    outcome = runner.run(variant, tmp_path)
    said = outcome["error"] or outcome["probe"]  # where nothing runs the model, one forward pass tells
    assert DTYPE_ERROR.search(said), outcome.get("trace") or said or "it ran to its end"
    if variant.severity == "error":
        assert outcome["error"], "an error is said of a script that runs to its end"


LAUNCHED = [variant for variant in variants() if variant.severity == "warning" and variant.launched]


@pytest.mark.referee
@pytest.mark.parametrize("variant", LAUNCHED, ids=str)
def test_a_launcher_can_turn_autocast_on(variant: Variant, runner: Runner, tmp_path: Path) -> None:
    needs(variant)
    assert runner.run(variant, tmp_path, ACCELERATE_MIXED_PRECISION="bf16")["error"] == ""


@pytest.mark.referee
@pytest.mark.parametrize("variant", [variant for variant in variants() if variant.good], ids=str)
def test_a_good_variant_runs_to_its_end(variant: Variant, runner: Runner, tmp_path: Path) -> None:
    needs(variant)
    outcome = runner.run(variant, tmp_path)
    assert not outcome["error"], outcome.get("trace") or outcome["error"]
    assert outcome["calls"], "it never ran a layer"
