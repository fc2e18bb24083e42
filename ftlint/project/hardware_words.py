"""Hardware in a word, as people say it on a command line: `8xH100-80GB`, `H100-80GB,744GB`, `aws:p4d.24xlarge`."""

from __future__ import annotations

import re

from ftlint.errors import UsageError, nearest
from ftlint.knowledge.gpus import closest_gpu_name, find_gpu
from ftlint.knowledge.instances import find_instance, instance_names
from ftlint.project.sizes import SIZE_EXPECTED, parse_size
from ftlint.run.fact import NOTHING, Fact
from ftlint.run.run import HardwareFacts, ParallelFacts, Run
from ftlint.spans import How, Origin

_COUNT = re.compile(r"(\d{1,4})\s*[xX*]\s*(.+)")


def hardware_of(words: str, option: str = "--hardware") -> Run:
    """What those words say of a node, as the part of a run to be laid over it. Raises UsageError.

    A cloud instance, or a GPU with how many of it there are before and the node's RAM behind it, both optional.
    """
    origins = (Origin(How.WRITTEN, None, f"{option} {words}"),)
    if ":" in words:
        instance = find_instance(words.strip())
        if instance is None:
            raise UsageError(f"{option} {words!r}: no cloud instance of this name{nearest(words, instance_names())}")
        return Run(
            parallel=ParallelFacts(gpus_per_node=Fact(instance.num_gpus, origins)),
            hardware=HardwareFacts(Fact(instance.gpu, origins), Fact(instance.host_ram_bytes, origins)),
        )
    name, _, ram = (part.strip() for part in words.partition(","))
    counted = _COUNT.fullmatch(name)
    count, name = (int(counted[1]), counted[2]) if counted else (None, name)
    gpu = find_gpu(name)
    if gpu is None:
        closest = closest_gpu_name(name)
        hint = f"; did you mean {closest!r}?" if closest else ", as in 8xH100-80GB,744GB"
        raise UsageError(f"{option} {words!r}: no GPU of the name {name!r}{hint}")
    ram_bytes = parse_size(ram) if ram else None
    if ram and ram_bytes is None:
        raise UsageError(f"{option} {words!r}: {ram!r} is no size: {SIZE_EXPECTED}")
    if count == 0:
        raise UsageError(f"{option} {words!r}: at least one GPU is needed")
    return Run(
        parallel=ParallelFacts(gpus_per_node=NOTHING if count is None else Fact(count, origins)),
        hardware=HardwareFacts(Fact(gpu, origins), NOTHING if ram_bytes is None else Fact(ram_bytes, origins)),
    )
