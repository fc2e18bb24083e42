"""The watch itself: moments begin and end, and each becomes one line in a file."""

from __future__ import annotations

import atexit
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, final, get_args

from ftlint.watching.limits import Limits
from ftlint.watching.reading import gpu_name, gpu_total_bytes, rank_and_world_size, read_gpu, read_host, reset_gpu_peak
from ftlint.watching.sampler import INTERVAL_SECONDS, HostSampler

FORMAT = 1
MomentName = Literal["loading", "forward and backward", "optimizer step", "saving"]
"""The estimator's moments, in its words (`ftlint.memory.estimate.Moment`)."""
MOMENTS: tuple[str, ...] = get_args(MomentName)
PACKAGES = ("torch", "transformers", "accelerate", "deepspeed", "peft", "trl", "bitsandbytes")

_log = logging.getLogger("ftlint.watching")


@final
class MemoryWatch:
    """Records the peaks of each moment of this process, in bytes, and writes a line when the moment ends.

    Peaks of the GPU are torch's own counters, which the watch resets at the beginning of each moment. Used as a
    context manager; what it cannot write it logs, and never breaks the training it watches.
    """

    def __init__(
        self, path: Path | str, *, limits: Limits | None = None, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._path = Path(path)
        self._limits = limits or Limits()
        self._sampler = HostSampler(interval_seconds)
        self._file: IO[str] | None = None
        self._moment: MomentName | None = None
        self._began = 0.0
        self._step = 0
        self._said: set[str] = set()
        self._peak_allocated = 0
        self._is_open = False
        self._was_open = False

    def __enter__(self) -> MemoryWatch:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A run that dies for want of memory is the one whose last figures are wanted most.
        self.close(failure=None if kind is None else kind.__name__)

    def open(self) -> None:
        """Open the file and begin to look. With several ranks each has a file of its own: `memory.rank3.jsonl`.

        A watch that was closed may be opened again, and its file then goes on.
        """
        if self._is_open:
            return
        rank, world_size = rank_and_world_size()
        path = self._path if world_size == 1 else self._path.with_suffix(f".rank{rank}{self._path.suffix}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a" if self._was_open else "w", encoding="utf-8")
        except OSError as error:
            _log.warning("%s cannot be written (%s): memory is watched, but not written down", path, error.strerror)
        self._write(
            {
                "ftlint_memory": FORMAT,
                "rank": rank,
                "world_size": world_size,
                "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "node_total_bytes": read_host().node_total,
                "packages": _versions(),
            }
        )
        self._sampler.start()
        self._is_open = self._was_open = True
        # A Trainer that raises calls no callback any more; what the moment had reached is still there at exit.
        atexit.register(self.close, "the process ended")

    def close(self, failure: str | None = None) -> None:
        """End the moment that is on, and the file. `failure`: the exception that ended the run."""
        if not self._is_open:
            return
        self._is_open = False
        atexit.unregister(self.close)
        self.end(failure)
        self._sampler.stop()
        sentence = None if failure else self._limits.below(self._peak_allocated)
        if sentence is not None:
            _log.warning("%s", sentence)
        if self._file is not None:
            self._file.close()
            self._file = None

    @contextmanager
    def moment(self, name: MomentName) -> Iterator[None]:
        """The statements inside are one moment. Raises ValueError for a name that the estimator does not know."""
        self.begin(name)
        try:
            yield
        except BaseException as error:
            self.end(type(error).__name__)
            raise
        self.end()

    def begin(self, name: MomentName, step: int | None = None) -> None:
        """A moment begins, and the one that is on ends. `step` counts optimizer steps; without it they are counted."""
        if name not in MOMENTS:
            raise ValueError(f"{name!r} is no moment; moments are {', '.join(MOMENTS)}")
        self.end()
        self._step = step if step is not None else self._step
        reset_gpu_peak()
        self._sampler.take()
        self._moment, self._began = name, time.monotonic()

    def end(self, failure: str | None = None) -> None:
        """The moment that is on ends, if one is: one line."""
        if self._moment is None:
            return
        gpu, host = read_gpu(), self._sampler.take()
        line: dict[str, object] = {
            "step": self._step,
            "moment": self._moment,
            "seconds": round(time.monotonic() - self._began, 4),
            "gpu": None,
            "host": {"resident": host.resident, "pinned": host.pinned, "node_used": host.node_used},
        }
        if gpu is not None:
            line["gpu"] = {
                "name": gpu_name(),
                "total": gpu_total_bytes(),
                "allocated": gpu.allocated,
                "reserved": gpu.reserved,
                "peak_allocated": gpu.peak_allocated,
                "peak_reserved": gpu.peak_reserved,
            }
            self._peak_allocated = max(self._peak_allocated, gpu.peak_allocated)
        if failure is not None:
            line["failure"] = failure
        self._write(line)
        for name, sentence in self._limits.passed(gpu, host):
            if name not in self._said:
                self._said.add(name)
                _log.warning("%s, step %d: %s", self._moment, self._step, sentence)
        if self._moment == "optimizer step":
            self._step += 1
        self._moment = None

    def _write(self, line: dict[str, object]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()  # whoever is killed for memory closes nothing
        except OSError as error:
            _log.warning("%s cannot be written any more (%s)", self._path, error.strerror)
            self._file = None


def watch_memory(
    path: Path | str,
    *,
    estimate: Path | str | None = None,
    gpu_limit_bytes: int | None = None,
    node_limit_bytes: int | None = None,
) -> MemoryWatch:
    """A watch for a plain training loop, to be used with `with`.

    `estimate`: a file with what `ftlint estimate --output-format json` printed; leaving its interval is logged once.
    The limits are thresholds in bytes for the GPU's reserved memory and for the RAM in use on the node.
    """
    return MemoryWatch(path, limits=limits_from(estimate, gpu_limit_bytes, node_limit_bytes))


def limits_from(estimate: Path | str | None, gpu_bytes: int | None, node_bytes: int | None) -> Limits:
    """The limits that those arguments describe. Raises InputError where the estimate cannot be read."""
    if estimate is None:
        return Limits(gpu_bytes, node_bytes)
    return Limits.of_estimate(estimate, gpu=gpu_bytes, node=node_bytes)


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
