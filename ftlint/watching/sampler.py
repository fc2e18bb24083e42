"""Host RAM has no peak counter that can be reset, so a thread looks at it many times a second."""

from __future__ import annotations

from threading import Event, Lock, Thread

from ftlint.watching.reading import HostBytes, read_host

INTERVAL_SECONDS = 0.05
"""A look costs about 50 microseconds; what comes and goes between two looks is not seen."""


class HostSampler:
    """The largest host figures since the last `take`; each field's own maximum, in bytes."""

    def __init__(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._interval_seconds = interval_seconds
        self._lock = Lock()
        self._stop = Event()
        self._peak = read_host()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._stop.clear()
        self._thread = Thread(target=self._run, name="ftlint-memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; returns when the thread has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def take(self) -> HostBytes:
        """The peak since the last call, one look at this moment included; a new one begins."""
        now = read_host()
        with self._lock:
            peak = larger(self._peak, now)
            self._peak = now
        return peak

    def _run(self) -> None:
        while not self._stop.wait(self._interval_seconds):
            now = read_host()
            with self._lock:
                self._peak = larger(self._peak, now)


def larger(one: HostBytes, other: HostBytes) -> HostBytes:
    """Field by field, the larger figure."""
    pinned = [size for size in (one.pinned, other.pinned) if size is not None]
    return HostBytes(
        resident=max(one.resident, other.resident),
        pinned=max(pinned, default=None),
        node_used=max(one.node_used, other.node_used),
        node_total=max(one.node_total, other.node_total),
    )
