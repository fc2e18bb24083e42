"""Cloud instances by name, such as `aws:p4d.24xlarge`: what a profile in the settings stands for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ftlint.knowledge.bundled import load_object
from ftlint.knowledge.gpus import GIB_BYTES, Gpu, find_gpu
from ftlint.record import record


@record
class Instance:
    """One type of cloud machine."""

    name: str
    gpu: Gpu
    num_gpus: int
    host_ram_bytes: int
    """As advertised; the operating system shows one to three per cent less."""


@lru_cache(maxsize=1)
def _instances() -> Mapping[str, Instance]:
    rows = load_object("instances.json")["instances"]
    if not isinstance(rows, dict):
        raise TypeError("instances.json must hold an object of instances")
    return {name.lower(): _parse(name, row) for name, row in rows.items()}


def _parse(name: str, row: Mapping[str, object]) -> Instance:
    gpu, num_gpus, host_ram_gib = find_gpu(str(row["gpu"])), row["gpus"], row["host_ram_gib"]
    if gpu is None or not isinstance(num_gpus, int) or not isinstance(host_ram_gib, int):
        raise TypeError(f"instances.json: {name} must name a known GPU, how many, and the memory in GiB")
    return Instance(name, gpu, num_gpus, host_ram_gib * GIB_BYTES)


def instance_names() -> tuple[str, ...]:
    """The names of all instances we know, `provider:type`, sorted."""
    return tuple(instance.name for instance in _instances().values())


def find_instance(name: str) -> Instance | None:
    """The instance of this name, in any case; None for one we do not know."""
    return _instances().get(name.strip().lower())
