"""When the watch speaks up: past a threshold, or outside what the estimate said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftlint.errors import InputError
from ftlint.record import record
from ftlint.watching.reading import GpuBytes, HostBytes


@record
class Band:
    """An interval of the estimate, in bytes."""

    low: int
    high: int


@record
class Limits:
    """Thresholds in bytes, and the intervals of an estimate; what is None is not watched.

    `gpu` is compared with the peak of reserved memory, `node` with the RAM in use on the whole node.
    """

    gpu: int | None = None
    node: int | None = None
    allocated: Band | None = None
    reserved: Band | None = None

    @staticmethod
    def of_estimate(path: Path | str, *, gpu: int | None = None, node: int | None = None) -> Limits:
        """The intervals in the JSON that `ftlint estimate --output-format json` printed.

        Raises InputError where the file is not such an object.
        """
        try:
            found: Any = json.loads(Path(path).read_text(encoding="utf-8"))
            allocated, reserved = (_band(found["gpu"][name]) for name in ("allocated", "reserved"))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: not what `ftlint estimate --output-format json` prints") from None
        return Limits(gpu, node, allocated, reserved)

    def passed(self, gpu: GpuBytes | None, host: HostBytes) -> Iterator[tuple[str, str]]:
        """What was passed at one moment: its name, which is said once, and the sentence."""
        if self.node is not None and host.node_used > self.node:
            yield "node", f"{_gb(host.node_used)} of the node's RAM are in use, more than {_gb(self.node)}"
        if gpu is None:
            return
        if self.gpu is not None and gpu.peak_reserved > self.gpu:
            yield "gpu", f"the GPU's peak is {_gb(gpu.peak_reserved)}, more than {_gb(self.gpu)}"
        for name, band, peak_bytes in (
            ("allocated", self.allocated, gpu.peak_allocated),
            ("reserved", self.reserved, gpu.peak_reserved),
        ):
            if band is not None and peak_bytes > band.high:
                yield name, f"{name} {_gb(peak_bytes)}, more than the {_gb(band.high)} of the estimate's high end"

    def below(self, peak_allocated: int) -> str | None:
        """The sentence for a whole run that stayed under the estimate; that is known only when it is over."""
        if self.allocated is None or not 0 < peak_allocated < self.allocated.low:
            return None
        low = _gb(self.allocated.low)
        return f"the run's peak was {_gb(peak_allocated)}, less than the {low} of the estimate's low end"


def _band(interval: Any) -> Band:
    low, high = interval["low"], interval["high"]
    if not isinstance(low, int) or not isinstance(high, int):
        raise TypeError("bytes are whole numbers")
    return Band(low, high)


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / 10**9:.2f} GB"
