"""MEM101 on runs: when it speaks, how loudly, where, and which edits it offers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ftlint.checks.memory import offload_host_ram
from ftlint.dialects.keys import read_keys
from ftlint.findings import Edit, Match, Severity
from ftlint.memory import estimate
from ftlint.run.fact import UNKNOWN, Fact, written
from ftlint.run.key import Key
from ftlint.run.run import AdapterFacts, Input, Method, ModelFacts, OffloadDevice, Run
from ftlint.run.versions import VersionView
from ftlint.spans import How, Location, Origin, Span
from ftlint.syntax import parse_text
from ftlint.syntax.document import DataDocument, Format
from ftlint.syntax.editing import apply_to_text
from ftlint.syntax.scalars import ScalarRules, resolve
from tests.memory.runs import LLAMA_7B, QWEN_32B, lora, make_run, said

GB = 10**9
BOTH = ("cpu", "cpu")
SHEET, MODEL_FILE, SETTINGS = Path("ds.json"), Path("train.yaml"), Path("ftlint.toml")

DS = """{
  "zero_optimization": {
    "stage": 3,
    "offload_optimizer": {"device": "cpu", "pin_memory": true},
    "offload_param": {
      "device": "cpu"
    }
  }
}
"""
YAML = "model_name_or_path: Qwen/Qwen2.5-32B\nfinetuning_type: full\ndeepspeed: ds.json\n"


class Documents:
    """The two data files of a run, as `ProjectView` shows them."""

    def __init__(self, **texts: str) -> None:
        self.documents: dict[Path, tuple[DataDocument, str]] = {}
        for dialect, path, text, kind in (
            ("deepspeed", SHEET, texts.get("ds", DS), Format.JSON),
            ("llamafactory", MODEL_FILE, texts.get("yaml", YAML), Format.YAML),
        ):
            document = parse_text(path, text, kind)
            assert isinstance(document, DataDocument)
            self.documents[path] = (document, dialect)

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        if location.path not in self.documents:
            return None
        document, dialect = self.documents[location.path]
        key = read_keys(dialect, document, partial(resolve, rules=ScalarRules.JSON)).at(location)
        return None if key is None else (document, key)

    def place(self, path: Path, dotted: str) -> Location:
        document, dialect = self.documents[path]
        key = read_keys(dialect, document, partial(resolve, rules=ScalarRules.JSON)).key(dotted)
        assert key is not None
        return key.location

    def after(self, edits: tuple[Edit, ...], path: Path) -> str:
        return apply_to_text(
            self.documents[path][0].source.text, [(edit.location.span, edit.content) for edit in edits]
        )


def placed(run: Run, documents: Documents) -> Run:
    """The run with the places of its files."""
    offload = "zero_optimization.offload_"
    parallel = replace(
        run.parallel,
        offload_optimizer=written(
            run.parallel.offload_optimizer.value, documents.place(SHEET, f"{offload}optimizer.device")
        ),
        offload_param=written(run.parallel.offload_param.value, documents.place(SHEET, f"{offload}param.device")),
        zero_stage=written(run.parallel.zero_stage.value, documents.place(SHEET, "zero_optimization.stage")),
    )
    model = replace(run.model, id=written("Qwen/Qwen2.5-32B", documents.place(MODEL_FILE, "model_name_or_path")))
    adapter = run.adapter
    if adapter.method.value is Method.FULL:
        adapter = AdapterFacts(method=written(Method.FULL, documents.place(MODEL_FILE, "finetuning_type")))
    ram = run.hardware.host_ram_bytes
    if ram.known:
        ram = Fact(ram.value, (Origin(How.WRITTEN, Location(SETTINGS, Span(10, 30)), "hardware.host-ram"),))
    return replace(
        run, model=model, parallel=parallel, adapter=adapter, hardware=replace(run.hardware, host_ram_bytes=ram),
        inputs=(Input(SHEET, True, documents.place(MODEL_FILE, "deepspeed")),),
    )  # fmt: skip


def check(run: Run, documents: Documents | None = None) -> list[Match]:
    documents = documents or Documents()
    run, versions = placed(run, documents), VersionView({})
    found = estimate(run, versions=versions)
    return [] if found is None else list(offload_host_ram(run, found, documents, versions))


@pytest.mark.parametrize(
    ("ram_gb", "severity"),
    [(512, Severity.ERROR), (640, Severity.ERROR), (744, Severity.WARNING), (850, Severity.WARNING)],
)
def test_qwen_32b_by_ram(ram_gb: int, severity: Severity) -> None:
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=ram_gb * GB))
    assert match.severity is severity
    assert match.values["available"] == f"the node has {ram_gb} GB"
    assert match.values["parameters"] == "32.8 billion parameters"
    needed = "at least 656 GB" if severity is Severity.ERROR else "about 858 GB (656 to 94"
    assert match.values["needed"].startswith(needed)


def test_it_stands_at_the_offload_setting_and_names_what_took_part() -> None:
    documents = Documents()
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB), documents)
    assert match.at == documents.place(SHEET, "zero_optimization.offload_optimizer.device")
    terms, *others = match.related
    assert terms.location == match.at
    assert terms.message.startswith("made of optimizer states 262 GB, ")
    related = {(place.location.path, place.message) for place in others}
    assert related == {
        (MODEL_FILE, "model Qwen/Qwen2.5-32B"),
        (MODEL_FILE, "method full"),
        (MODEL_FILE, "refers to ds.json"),
        (SHEET, "ZeRO stage 3"),
        (SHEET, "weights offloaded to cpu"),
        (SETTINGS, "host RAM 512 GB"),
    }


@pytest.mark.parametrize(
    "run",
    [
        make_run(QWEN_32B, offload=BOTH, ram_bytes=1500 * GB),
        make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB, adapter=lora(16)),
        make_run(QWEN_32B, offload=BOTH, ram_bytes=744 * GB, nodes=2),
        make_run(QWEN_32B, offload=("nvme", "nvme"), ram_bytes=512 * GB),
        make_run(QWEN_32B, offload=("none", "none"), ram_bytes=64 * GB),
        make_run(QWEN_32B, offload=("cpu", "none"), stage=2, ram_bytes=64 * GB),  # DeepSpeed ignores it below stage 3
        make_run(LLAMA_7B, offload=BOTH, ram_bytes=744 * GB),
        make_run(LLAMA_7B, offload=("none", "cpu"), stage=2, gpus=8, ram_bytes=64 * GB, adapter=lora(8)),
        make_run(LLAMA_7B, offload=BOTH, ram_bytes=200 * GB, pin=None),
    ],
    ids=[
        "RAM",
        "LoRA",
        "nodes",
        "NVMe",
        "no offload",
        "ZeRO-2 ignores it",
        "small",
        "only loading is too much",
        "unknown pinning",
    ],
)
def test_silent(run: Run) -> None:
    assert check(run) == []


def test_zero_2_offload_of_the_optimizer() -> None:
    (match,) = check(make_run(LLAMA_7B, stage=2, offload=("none", "cpu"), gpus=4, ram_bytes=64 * GB))
    assert match.severity is Severity.ERROR
    assert match.values["stage"] == "2"
    assert set(match.edits) == {"lora"}  # ZeRO-2 has no NVMe


def test_unknown_ram_is_advice_with_the_figure() -> None:
    (match,) = check(make_run(QWEN_32B, offload=BOTH))
    assert match.severity is Severity.INFO
    assert "858 GB" in match.values["needed"]
    assert "not known" in match.values["available"]
    assert match.edits == {}, "nothing is known to be wrong, so --unsafe-fixes must leave the file alone"


def test_an_unsaid_number_of_nodes_is_never_an_error() -> None:
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB, nodes=None))
    assert (match.severity, match.reason) == (Severity.WARNING, "if it runs on one node")


def test_a_number_of_nodes_that_cannot_be_seen_is_advice() -> None:
    run = make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB)
    unseen = replace(run.parallel, num_nodes=Fact(UNKNOWN, said(1).origins))
    (match,) = check(replace(run, parallel=unseen))
    assert match.severity is Severity.INFO


def test_an_unsaid_number_of_gpus_must_hold_for_all() -> None:
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB, gpus=None))
    assert match.severity is Severity.ERROR
    eight = estimate(make_run(QWEN_32B, offload=BOTH, gpus=8), versions=None)
    assert eight is not None
    between = eight.host_training.expected_bytes + GB  # one GPU would need more than this, eight would not
    assert check(make_run(QWEN_32B, offload=BOTH, ram_bytes=between, gpus=1))
    assert check(make_run(QWEN_32B, offload=BOTH, ram_bytes=between, gpus=None)) == []


@pytest.mark.parametrize("hidden", ["model", "method", "offload"])
def test_what_cannot_be_seen_accuses_nobody(hidden: str) -> None:
    run = make_run(QWEN_32B, offload=BOTH, ram_bytes=GB)
    unknown: Fact[Any] = Fact(UNKNOWN, said(1).origins)
    if hidden == "model":
        run = replace(run, model=ModelFacts(id=unknown, architecture=unknown))
    elif hidden == "method":
        run = replace(run, adapter=AdapterFacts(method=unknown))
    else:
        run = replace(run, parallel=replace(run.parallel, offload_optimizer=unknown))
    found = estimate(run, versions=None)
    assert found is None


def test_without_a_place_there_is_no_finding() -> None:
    run = make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB)
    found = estimate(run, versions=None)
    assert found is not None
    assert list(offload_host_ram(run, found, Documents(), VersionView({}))) == []


def test_the_nvme_edit_keeps_everything_else() -> None:
    documents = Documents()
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB), documents)
    edited = documents.after(match.edits["nvme"], SHEET)
    one_line = DS.replace("true}", 'true, "nvme_path": "/local_nvme"}').replace('"cpu",', '"nvme",')
    assert edited == one_line.replace('"cpu"\n', '"nvme",\n      "nvme_path": "/local_nvme"\n')
    spans = [edit.location.span for edit in match.edits["nvme"]]
    assert len(set(spans)) == len(spans)  # nobody has to know in which order two insertions at one point go
    again = Documents(ds=edited)
    run = make_run(QWEN_32B, offload=("nvme", "nvme"), ram_bytes=512 * GB)
    assert run.parallel.offload_param.value is OffloadDevice.NVME
    assert check(run, again) == []


def test_an_nvme_path_that_is_there_stays() -> None:
    documents = Documents(ds=DS.replace('"device": "cpu",', '"device": "cpu", "nvme_path": "/scratch",'))
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB), documents)
    edited = documents.after(match.edits["nvme"], SHEET)
    assert edited.count("nvme_path") == 2
    assert '"nvme_path": "/scratch"' in edited


def test_the_lora_edit() -> None:
    documents = Documents()
    (match,) = check(make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB), documents)
    assert documents.after(match.edits["lora"], MODEL_FILE) == YAML.replace("full", "lora")


def test_settings_that_are_no_data_file_have_no_edits() -> None:
    run = make_run(QWEN_32B, offload=BOTH, ram_bytes=512 * GB)
    documents = Documents()
    script = Location(Path("train.py"), Span(0, 3))
    run = placed(run, documents)
    parallel = replace(run.parallel, offload_optimizer=written(OffloadDevice.CPU, script))
    run = replace(run, parallel=parallel, adapter=AdapterFacts(method=said(Method.FULL)))
    found = estimate(run, versions=None)
    assert found is not None
    (match,) = offload_host_ram(run, found, documents, VersionView({}))
    assert match.at == script
    assert dict(match.edits) == {}
