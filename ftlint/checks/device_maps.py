"""What a `device_map` does to a model: which devices, how large the weights are, what the GPUs can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ftlint.checks.amounts import tenths_of_gigabytes
from ftlint.checks.dtypes import dtype_behind
from ftlint.knowledge.architectures import Architecture, ModelClass, ParameterTable, parameter_table, takes_images
from ftlint.knowledge.gpus import Gpu
from ftlint.knowledge.models import find_model
from ftlint.memory.dispatch import CONTEXT_BYTES, FreeMemory, Offload, offload, size_in_bytes, usable, weigh
from ftlint.record import record
from ftlint.run.dtype import DType
from ftlint.run.fact import Unknown
from ftlint.run.run import Run
from ftlint.run.versions import VersionView
from ftlint.trace.placement_events import DeviceMap, Dispatched
from ftlint.trace.settings import Settings

PLAUSIBLE_NUM_GPUS = (1, 2, 4, 8)
"""Where nobody says how many GPUs there are, a finding must hold for each of these."""
POSSIBLE = "depending on what else is on the GPU"
ANY_NUMBER = "on one to eight GPUs: how many there are is not known"
_CLASSES = (
    "AutoModelForCausalLM",
    "AutoModel",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
)
_QUANTIZERS = (("load_in_4bit", 4), ("load_in_8bit", 8))
_ON_CPU = "llm_int8_enable_fp32_cpu_offload"


class Project(Protocol):
    """What is asked of the project."""

    def node(self) -> Run:
        """The hardware that the settings name."""

    def architecture_of(self, model_id: str, referrer: Path) -> Architecture | None:
        """The numbers of a model."""


@record
class Judged:
    """Whether a dispatched model is offloaded. `num_gpus`: beside the offload; None where that is not known.

    `shown` is the argument as a message names it, `why` the arithmetic, `reason` what it depends on. `explicit`: the
    map names the devices itself. `by_hand`: the limits are `max_memory=`. `keeps_on_cpu`: bitsandbytes is told to leave
    offloaded layers in 32 bits.
    """

    offload: Offload
    shown: str
    why: str
    reason: str = ""
    num_gpus: int | None = None
    explicit: bool = False
    by_hand: bool = False
    is_quantized: bool = False
    keeps_on_cpu: bool = False


@record
class _Quantization:
    bits: int | None = None
    keeps_on_cpu: bool = False


def spread(device_map: DeviceMap) -> bool:
    """Whether a map puts a model on more than one device, or lets transformers do so."""
    if device_map.word is not None:
        return True
    return len({device for _, device in device_map.entries} - {None}) > 1


def judge_offload(event: Dispatched, project: Project, versions: VersionView) -> Judged | None:
    """Whether a model is offloaded; None where that cannot be seen."""
    device_map = event.device_map
    if device_map is None:
        return None
    quantization = _quantization(event)
    if device_map.word is None:
        return _judge_explicit(device_map, quantization)
    if quantization is None:
        return None
    table = _table(event, project)
    width_bytes = _width_bytes(event, quantization, versions)
    if table is None or width_bytes is None:
        return None
    is_quantized = quantization.bits is not None
    pieces = weigh(table, width_bytes=width_bytes, quantized_bits=quantization.bits)
    by_hand = event.max_memory is not None
    answers = []
    capacities = []
    for gpus in _gpus(event, project):
        answers.append(offload(pieces, gpus, device_map.word, by_hand=by_hand, is_quantized=is_quantized))
        capacities.append((len(gpus), usable(gpus, device_map.word, by_hand=by_hand, is_quantized=is_quantized)))
    if not answers or Offload.NEVER in answers:
        return Judged(Offload.NEVER, "", "") if answers else None
    num_gpus, room = capacities[-1]
    certain = set(answers) == {Offload.CERTAIN}
    if not certain and len(answers) > 1:
        return None
    return Judged(
        offload=Offload.CERTAIN if certain else Offload.POSSIBLE,
        shown=f'device_map="{device_map.word}"',
        why=_why(pieces.low_bytes, room, event, project),
        reason=ANY_NUMBER if len(answers) > 1 else "" if certain else POSSIBLE,
        num_gpus=num_gpus if len(answers) == 1 else None,
        by_hand=by_hand,
        is_quantized=is_quantized,
        keeps_on_cpu=quantization.keeps_on_cpu,
    )


def num_params_of(event: Dispatched, project: Project) -> int | None:
    """How many parameters a model has, where that is known."""
    table = _table(event, project)
    return table.num_params if table is not None else None


def _judge_explicit(device_map: DeviceMap, quantization: _Quantization | None) -> Judged | None:
    if device_map.open:
        return None
    devices = {device for _, device in device_map.entries}
    gpus = {
        device for device in devices if isinstance(device, int) or (device or "").startswith(("cuda", "xpu", "npu"))
    }
    on_disk = next((name for name, device in device_map.entries if device == "disk"), None)
    on_cpu = next((name for name, device in device_map.entries if device == "cpu"), None)
    if on_disk is None and (on_cpu is None or not gpus):
        return None if None in devices else Judged(Offload.NEVER, "", "")
    name = on_disk if on_disk is not None else on_cpu
    where = "the disk" if on_disk is not None else "the CPU"
    return Judged(
        offload=Offload.CERTAIN,
        shown="device_map",
        why=f'"{name}" is put on {where}' if name else f"it is put on {where}",
        num_gpus=len(gpus) if None not in devices else None,
        explicit=True,
        is_quantized=quantization is not None and quantization.bits is not None,
        # What else was asked for cannot be seen; the least is then said.
        keeps_on_cpu=quantization is None or quantization.keeps_on_cpu,
    )


def _why(low_bytes: int, room: Sequence[FreeMemory], event: Dispatched, project: Project) -> str:
    total = tenths_of_gigabytes(sum(gpu.high_bytes for gpu in room))
    weights = f"{tenths_of_gigabytes(low_bytes)} of weights"
    if event.max_memory is not None:
        return f"{weights}, max_memory leaves {total} on the GPUs"
    gpu = project.node().hardware.gpu.value
    name = gpu.name if isinstance(gpu, Gpu) else "GPU"
    return f"{weights}, at most {total} of them on {len(room)} x {name}"


def _gpus(event: Dispatched, project: Project) -> Iterator[tuple[FreeMemory, ...]]:
    """The GPUs' free memory, once for each number of them that there may be; nothing where it is not known."""
    if isinstance(event.max_memory, Unknown):
        return
    if event.max_memory is not None:
        limits = [size_in_bytes(limit) for name, limit in event.max_memory if isinstance(name, int)]
        known = [limit for limit in limits if limit is not None]
        if known and len(known) == len(limits):
            yield tuple(FreeMemory(limit, limit) for limit in known)
        return
    node = project.node()
    gpu, count = node.hardware.gpu.value, node.parallel.gpus_per_node.value
    if not isinstance(gpu, Gpu):
        return
    one = FreeMemory(max(0, gpu.usable_low_bytes - CONTEXT_BYTES), gpu.usable_high_bytes)
    for number in (count,) if isinstance(count, int) else PLAUSIBLE_NUM_GPUS:
        yield (one,) * number


def _table(event: Dispatched, project: Project) -> ParameterTable | None:
    if event.model_id is None:
        return None
    name = event.class_name.rpartition(".")[2]
    known = name if name in _CLASSES else "AutoModelForCausalLM" if name.endswith("ForCausalLM") else None
    if takes_images(name):
        known = ModelClass.IMAGE_TEXT_TO_TEXT.value
    architecture = project.architecture_of(event.model_id, event.location.path) if known is not None else None
    if architecture is None or known is None:
        return None
    return parameter_table(architecture, known)


def _width_bytes(event: Dispatched, quantization: _Quantization, versions: VersionView) -> int | None:
    if quantization.bits is not None:
        return 4  # of what is not quantized, at most
    dtype = dtype_behind(event.weights, versions)
    return dtype.num_bytes if isinstance(dtype, DType) else None


def _quantization(event: Dispatched) -> _Quantization | None:
    """How a model is quantized while it is loaded; None where that cannot be seen."""
    stored = find_model(event.model_id) if event.model_id is not None else None
    if stored is not None and stored.quantization is not None:
        return _Quantization(4) if "4bit" in stored.quantization else None
    said = event.loading.get("quantization_config")
    if said is not None and said.value is not None:
        return _bits(said.value) if isinstance(said.value, Settings) else None
    if any((entry := event.loading.get(name)) is not None and entry.value for name, _ in _QUANTIZERS):
        return _bits(event.loading)
    return None if event.loading.open else _Quantization()


def _bits(settings: Settings) -> _Quantization | None:
    for name, bits in _QUANTIZERS:
        entry = settings.get(name)
        if entry is not None and entry.value is not False:
            on_cpu = settings.get(_ON_CPU)
            keeps = settings.open or (on_cpu is not None and on_cpu.value is not False)
            return _Quantization(bits, keeps) if entry.value is True else None
    return None
