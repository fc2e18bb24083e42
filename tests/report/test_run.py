from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ftlint.report.color import Palette
from ftlint.report.places import Places
from ftlint.report.run import render_run
from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN, Fact, default, written
from ftlint.run.run import (
    BatchFacts,
    HardwareFacts,
    Input,
    ModelFacts,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    Run,
)
from ftlint.spans import How, Origin
from tests.report.conftest import Locate


def test_every_said_fact_with_its_origins(project: Path, places: Places, locate: Locate) -> None:
    stage = locate("ds.json", '"stage": 2')
    run = Run(
        name="train",
        root=locate("train.yaml", "model"),
        model=ModelFacts(id=written("Qwen/Qwen2.5-32B", locate("train.yaml", "Qwen/Qwen2.5-32B"))),
        precision=PrecisionFacts(
            weights=Fact(DType.BFLOAT16, (Origin(How.DERIVED, stage, "bf16"),)), master=default(None, "x")
        ),
        batch=BatchFacts(micro_batch=default(8, "transformers 4.46.1")),
        parallel=ParallelFacts(kind=written(ParallelKind.ZERO, stage), zero_stage=written(UNKNOWN, stage)),
        hardware=HardwareFacts(host_ram_bytes=written(744 * 10**9, stage, "host-ram")),
        inputs=(
            Input(project / "ds.json", found=True, referrer=locate("train.yaml", "ds.json")),
            Input(project / "gone.json", found=False),
        ),
    )
    assert render_run(run, places, Palette(False), label="torch 2.5.1").splitlines() == [
        "train  train.yaml:1:1  with torch 2.5.1",
        "  model.id                = Qwen/Qwen2.5-32B",
        "                            train.yaml:1:8",
        "  precision.weights       = bfloat16",
        "                            derived from ds.json:3:5 (bf16)",
        "  precision.master        = none",
        "                            default: x",
        "  batch.micro_batch       = 8",
        "                            default: transformers 4.46.1",
        "  parallel.kind           = zero",
        "                            ds.json:3:5",
        "  parallel.zero_stage     = unknown",
        "                            ds.json:3:5",
        "  hardware.host_ram_bytes = 744000000000 bytes (692.90 GiB)",
        "                            ds.json:3:5 (host-ram)",
        "  read:",
        "    ds.json  named in train.yaml:2:12",
        "    gone.json  (not found)",
        "",
    ]
    other = replace(run, batch=BatchFacts(micro_batch=default(1, "x")))
    assert render_run(other, places, Palette(False), first=run).splitlines() == [
        "train  train.yaml:1:1",
        "  batch.micro_batch = 1",
        "                      default: x",
        "  the rest as above",
        "",
    ]
    assert "with" not in render_run(replace(run, inputs=()), places, Palette(False))
