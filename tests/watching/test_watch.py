"""The watch on a process without a GPU, and on a torch that is made up here."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ftlint.errors import InputError
from ftlint.memory import Moment
from ftlint.memory.estimate import PASS
from ftlint.watching import Limits, MemoryWatch, watch_memory
from ftlint.watching.reading import GpuBytes, HostBytes
from ftlint.watching.sampler import HostSampler, larger
from ftlint.watching.watch import MOMENTS

GIB = 2**30


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever another test has done to logging, ours is seen."""
    caplog.set_level(logging.WARNING, logger="ftlint.watching")
    logging.getLogger("ftlint").disabled = logging.getLogger("ftlint.watching").disabled = False


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def made_up_torch(peaks: list[int], *, host: dict[str, int] | None = None) -> SimpleNamespace:
    """A torch whose device has had these peaks, one for each reset."""
    waiting = iter(peaks)
    state = {"peak": 0}

    def reset() -> None:
        state["peak"] = next(waiting, 0)

    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        memory_allocated=lambda: state["peak"] // 2,
        memory_reserved=lambda: state["peak"],
        max_memory_allocated=lambda: state["peak"],
        max_memory_reserved=lambda: state["peak"] + GIB,
        reset_peak_memory_stats=reset,
        host_memory_stats=lambda: host or {},
        get_device_name=lambda: "Made-up GPU",
        current_device=lambda: 0,
        get_device_properties=lambda _device: SimpleNamespace(total_memory=80 * GIB),
    )
    return SimpleNamespace(cuda=cuda)


def test_moments_are_the_estimators() -> None:
    """But for a pass, which is watched as a whole and estimated at four points."""
    names = ("forward and backward" if moment in PASS else moment.value for moment in Moment)
    assert tuple(dict.fromkeys(names)) == MOMENTS


def test_each_moment_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "memory.jsonl"
    with watch_memory(file) as watch:
        for _ in range(2):
            with watch.moment("forward and backward"):
                pass
            with watch.moment("optimizer step"):
                pass
    header, *rest = lines(file)
    assert header["ftlint_memory"] == 1
    assert (header["rank"], header["world_size"]) == (0, 1)
    assert header["node_total_bytes"] > 0
    assert [(line["step"], line["moment"]) for line in rest] == [
        (0, "forward and backward"),
        (0, "optimizer step"),
        (1, "forward and backward"),
        (1, "optimizer step"),
    ]
    assert all(line["gpu"] is None and line["host"]["resident"] > 10**6 for line in rest)


def test_memory_that_was_given_back_is_still_seen(tmp_path: Path) -> None:
    """200 MB that live for a tenth of a second inside a moment, between two looks at its ends."""
    file = tmp_path / "memory.jsonl"
    with MemoryWatch(file, interval_seconds=0.005) as watch:
        with watch.moment("loading"):
            pass
        with watch.moment("forward and backward"):
            block = bytearray(200 * 10**6)
            time.sleep(0.1)
            del block
        with watch.moment("saving"):
            pass
    _, before, during, after = lines(file)
    assert during["host"]["resident"] - before["host"]["resident"] > 150 * 10**6
    assert during["host"]["resident"] - after["host"]["resident"] > 150 * 10**6


def test_gpu_peaks_are_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "torch", made_up_torch([10 * GIB, 3 * GIB], host={"allocated_bytes.current": 4 * GIB})
    )
    with watch_memory(tmp_path / "memory.jsonl") as watch:
        with watch.moment("forward and backward"):
            pass
        with watch.moment("optimizer step"):
            pass
    _, first, second = lines(tmp_path / "memory.jsonl")
    assert first["gpu"] == {
        "name": "Made-up GPU", "total": 80 * GIB, "allocated": 5 * GIB, "reserved": 10 * GIB,
        "peak_allocated": 10 * GIB, "peak_reserved": 11 * GIB,
    }  # fmt: skip
    assert second["gpu"]["peak_allocated"] == 3 * GIB
    assert second["host"]["pinned"] == 4 * GIB


def test_ranks_write_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = made_up_torch([])
    torch.distributed = SimpleNamespace(
        is_available=lambda: True, is_initialized=lambda: True, get_rank=lambda: 3, get_world_size=lambda: 8
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    with watch_memory(tmp_path / "memory.jsonl"):
        pass
    assert lines(tmp_path / "memory.rank3.jsonl")[0]["rank"] == 3


def test_a_name_that_is_no_moment(tmp_path: Path) -> None:
    with watch_memory(tmp_path / "memory.jsonl") as watch, pytest.raises(ValueError, match="'forward' is no moment"):
        watch.begin("forward")  # type: ignore[arg-type]


def test_a_moment_that_fails_is_written(tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    with pytest.raises(MemoryError), watch_memory(file) as watch, watch.moment("optimizer step"):
        raise MemoryError
    assert lines(file)[-1]["failure"] == "MemoryError"


def test_a_process_that_dies_leaves_its_last_moment(tmp_path: Path) -> None:
    """As a Trainer that raises does: it calls no callback, so nobody closes the watch."""
    file = tmp_path / "memory.jsonl"
    program = (
        "from ftlint.watching import MemoryWatch\n"
        f"watch = MemoryWatch({str(file)!r})\nwatch.open()\n"
        "watch.begin('optimizer step', 7)\nraise RuntimeError('died')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "died" in done.stderr
    last = lines(file)[-1]
    assert (last["step"], last["moment"], last["failure"]) == (7, "optimizer step", "the process ended")


def test_a_watch_that_is_opened_again_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    watch = MemoryWatch(file)
    for _ in range(2):
        watch.open()
        watch.begin("loading")
        watch.close()
    assert [line.get("moment", "header") for line in lines(file)] == ["header", "loading"] * 2


def test_a_file_that_cannot_be_written_breaks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "folder").write_text("a file", encoding="utf-8")
    with watch_memory(tmp_path / "folder" / "memory.jsonl") as watch, watch.moment("loading"):
        pass
    assert "cannot be written" in caplog.text


def estimate_file(folder: Path, low: int, high: int) -> Path:
    interval = {"low": low, "expected": (low + high) // 2, "high": high}
    file = folder / "estimate.json"
    file.write_text(json.dumps({"gpu": {"allocated": interval, "reserved": interval}}), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (8 * GIB, 9 * GIB, "allocated 10.74 GB, more than the 9.66 GB"),
        (20 * GIB, 30 * GIB, "the run's peak was 10.74 GB, less than the 21.47 GB"),
        (9 * GIB, 12 * GIB, None),
    ],
)
def test_leaving_the_estimate_is_said_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    low: int,
    high: int,
    said: str | None,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", made_up_torch([10 * GIB, 10 * GIB]))
    with watch_memory(tmp_path / "m.jsonl", estimate=estimate_file(tmp_path, low, high)) as watch:
        for _ in range(2):
            with watch.moment("forward and backward"):
                pass
    found = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert sum(said in message for message in found) == 1 if said is not None else found == []


def test_thresholds() -> None:
    host = HostBytes(resident=GIB, pinned=None, node_used=90 * 10**9, node_total=100 * 10**9)
    gpu = GpuBytes(0, 0, 10 * GIB, 79 * GIB)
    names = [name for name, _ in Limits(gpu=78 * GIB, node=80 * 10**9).passed(gpu, host)]
    assert names == ["node", "gpu"]
    assert list(Limits(gpu=79 * GIB, node=90 * 10**9).passed(gpu, host)) == []
    assert list(Limits(gpu=1).passed(None, host)) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"gpu": {"allocated": 3, "reserved": 3}}', "\x00", "{" * 5000])
def test_an_estimate_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "estimate.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="ftlint estimate"):
        Limits.of_estimate(file)
    with pytest.raises(InputError, match="No such file"):
        Limits.of_estimate(tmp_path / "none.json")


def test_the_sampler_begins_anew_after_each_take() -> None:
    sampler = HostSampler(0.005)
    sampler.start()
    block = bytearray(200 * 10**6)
    time.sleep(0.05)
    high = sampler.take()
    del block
    sampler.take()
    low = sampler.take()
    sampler.stop()
    assert high.resident - low.resident > 150 * 10**6
    assert larger(high, low) == larger(low, high)
