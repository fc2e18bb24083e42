"""Runs to estimate, in few words."""

from __future__ import annotations

from typing import Any, TypeVar

from ftlint.knowledge.architectures import Architecture, parse_architecture
from ftlint.knowledge.models import find_model, model_ids
from ftlint.memory import Estimate, Interval, Place, estimate
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, Fact
from ftlint.run.run import (
    AdapterFacts,
    BatchFacts,
    HardwareFacts,
    Method,
    ModelFacts,
    OffloadDevice,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    Run,
    TrainingFacts,
)
from ftlint.run.versions import Admissible, VersionView
from ftlint.spans import How, Origin

T = TypeVar("T")


def _llama(hidden: int, ffn: int, layers: int, heads: int, kv_heads: int, vocab: int) -> dict[str, object]:
    return {
        "model_type": "llama", "hidden_size": hidden, "intermediate_size": ffn, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "vocab_size": vocab,
        "tie_word_embeddings": False,
    }  # fmt: skip


QWEN_32B = {**_llama(5120, 27648, 64, 40, 8, 152064), "model_type": "qwen2"}
LLAMA_7B = _llama(4096, 11008, 32, 32, 32, 32000)
LLAMA_33B = _llama(6656, 17920, 60, 52, 52, 32000)
LLAMA_3_8B = _llama(4096, 14336, 32, 32, 8, 128256)
LLAMA_3_70B = _llama(8192, 28672, 80, 64, 8, 128256)
TINY = _llama(64, 128, 2, 4, 2, 256)


def said(value: T) -> Fact[T]:
    return Fact(value, (Origin(How.WRITTEN, None, "test"),))


def maybe_said(value: Any) -> Fact[Any]:
    return NOTHING if value is None else said(value)


def architecture(config: dict[str, object]) -> Architecture:
    found = parse_architecture(config)
    assert found is not None
    return found


def make_run(
    config: dict[str, object] = LLAMA_7B,
    *,
    kind: ParallelKind = ParallelKind.ZERO,
    stage: int | None = 3,
    gpus: int | None = 1,
    nodes: int | None = 1,
    offload: tuple[str, str] = ("none", "none"),
    pin: bool | None = True,
    method: Method = Method.FULL,
    weights: DType | None = DType.BFLOAT16,
    compute: DType | None = DType.BFLOAT16,
    master: Fact[DType | None] = NOTHING,
    optimizer: str | None = "adamw_torch",
    ram_bytes: int | None = None,
    sub_group_size: int = 10**9,
    accumulation: int | None = 1,
    adapter: AdapterFacts | None = None,
    model_class: str | None = None,
) -> Run:
    """A run; `offload`: where weights and where the optimizer go."""
    param, states = (OffloadDevice(device) for device in offload)
    return Run(
        name="test",
        model=ModelFacts(architecture=said(architecture(config)), model_class=maybe_said(model_class)),
        precision=PrecisionFacts(weights=maybe_said(weights), compute=maybe_said(compute), master=master),
        batch=BatchFacts(gradient_accumulation=maybe_said(accumulation)),
        parallel=ParallelFacts(
            kind=said(kind),
            zero_stage=said(stage) if stage is not None and kind is ParallelKind.ZERO else NOTHING,
            gpus_per_node=maybe_said(gpus),
            num_nodes=maybe_said(nodes),
            zero_init=said(True),
            offload_param=said(param),
            offload_optimizer=said(states),
            pin_param=maybe_said(pin),
            pin_optimizer=maybe_said(pin),
            sub_group_size=said(sub_group_size),
        ),
        adapter=adapter or AdapterFacts(method=said(method)),
        training=TrainingFacts(optimizer=maybe_said(optimizer)),
        hardware=HardwareFacts(host_ram_bytes=maybe_said(ram_bytes)),
    )


def lora(rank: int = 16, targets: tuple[str, ...] = ("all-linear",), method: Method = Method.LORA) -> AdapterFacts:
    return AdapterFacts(method=said(method), lora_rank=said(rank), lora_targets=said(targets))


def releases(**packages: str) -> VersionView:
    return VersionView({name: Admissible((release,), ()) for name, release in packages.items()})


def estimated(run: Run, versions: VersionView | None = None) -> Estimate:
    found = estimate(run, versions=versions)
    assert found is not None
    return found


def term(found: Estimate, name: str, *, on_gpu: bool = False) -> Interval:
    """The size of the one term of that name."""
    (size,) = (t.size for t in found.terms if t.name == name and (t.place is Place.GPU) == on_gpu)
    return size


def smallest_models() -> dict[str, str]:
    """Model type -> the catalogued id of that type with the fewest layers times width."""
    found: dict[str, tuple[int, str]] = {}
    for model_id in model_ids():
        model = find_model(model_id)
        assert model is not None
        numbers = model.architecture
        size = (numbers.num_layers * numbers.hidden_size, model_id)
        found[numbers.model_type] = min(found.get(numbers.model_type, size), size)
    return {model_type: model_id for model_type, (_, model_id) in found.items()}
