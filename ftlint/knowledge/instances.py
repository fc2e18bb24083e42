"""Cloud instances by name, such as `aws:p4d.24xlarge`: what a profile in the settings stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    source: str
    """The provider's document, or the list that is made of its API."""


@lru_cache(maxsize=1)
def _instances() -> Mapping[str, Instance]:
    documents = load_object("instances.json")["documents"]
    if not isinstance(documents, list):
        raise TypeError("instances.json must hold a list of documents")
    return {instance.name.lower(): instance for document in documents for instance in _parse(document)}


def _parse(document: Mapping[str, object]) -> Iterator[Instance]:
    """The instances that one document describes."""
    source, rows = document["source"], document["instances"]
    if not isinstance(source, str) or not isinstance(rows, dict):
        raise TypeError("instances.json: each document must have a source and its instances")
    for name, row in rows.items():
        gpu, num_gpus, host_ram_gib = find_gpu(str(row["gpu"])), row["gpus"], row["host_ram_gib"]
        if gpu is None or not isinstance(num_gpus, int) or not isinstance(host_ram_gib, int):
            raise TypeError(f"instances.json: {name} must name a known GPU, how many, and the memory in GiB")
        yield Instance(name, gpu, num_gpus, host_ram_gib * GIB_BYTES, source)


def instance_names() -> tuple[str, ...]:
    """The names of all instances we know, `provider:type`, as their documents list them."""
    return tuple(instance.name for instance in _instances().values())


def find_instance(name: str) -> Instance | None:
    """The instance of this name, in any case; None for one we do not know."""
    return _instances().get(name.strip().lower())
