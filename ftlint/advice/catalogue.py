"""Which changes a run admits: one function per dimension, each asking the run what it is now.

Sources of the effects: recomputing a layer costs its forward pass once more, a third of a step's arithmetic (Chen et
al. 2016; Korthikanti et al. 2022, section 5); ZeRO-3 moves half as much again over the links as data parallelism
(Rajbhandari et al. 2020, section 7); PEFT's and bitsandbytes' documentation for adapters and 8-bit states. What a
change saves the estimator says; here stands only what it does to the training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ftlint.advice.change import Change, Effect, Pace
from ftlint.run.fact import Fact
from ftlint.run.run import Method, OffloadDevice, ParallelKind, Run

MAX_GPUS_PER_NODE = 8
"""How far a node is filled up; more GPUs than that are more nodes, whose links we know nothing of."""
LEAST_SEQUENCE_TOKENS = 512
"""Below this a cut of the sequence is no advice for fine-tuning a language model any more."""

_PLAIN_ADAM = ("adamw_torch", "adamw_torch_fused", "adamw_hf", "adamw_apex_fused")


def changes_for(run: Run) -> tuple[Change, ...]:
    """Every change that makes sense for the run as it is, whether or not it saves enough."""
    return tuple(change for dimension in _DIMENSIONS for change in dimension(run))


def _checkpointing(run: Run) -> Iterator[Change]:
    if run.training.gradient_checkpointing.value is not True:
        yield Change(
            "checkpointing",
            "Turn on gradient checkpointing",
            Effect.NONE,
            Pace.BY_A_THIRD,
            {"training.gradient_checkpointing": True},
            "only each layer's input is kept for the backward pass",
        )


def _attention(run: Run) -> Iterator[Change]:
    if run.training.attention.value == "eager":
        yield Change(
            "attention",
            "Use SDPA attention",
            Effect.ORDER,
            Pace.NONE,
            {"training.attention": "sdpa"},
            "no matrix of all scores is written to memory",
        )


def _loss(run: Run) -> Iterator[Change]:
    if run.training.reference.said or run.batch.sequences_per_example.said:
        return  # preference training needs the logits, or has a kernel of its own
    if run.training.loss.value in ("full", "fused") or not run.training.loss.known:
        yield Change(
            "loss",
            "Use Liger's fused linear cross-entropy",
            Effect.ORDER,
            Pace.NONE,
            {"training.loss": "liger"},
            "the logits of all tokens are never in memory at once",
            "liger-kernel has to be installed, and to know this model",
        )


def _optimizer(run: Run) -> Iterator[Change]:
    optimizer = run.training.optimizer
    name = optimizer.value if optimizer.known else None
    # Where it cannot be seen which optimizer there is, none can be advised in its place.
    if optimizer.said and name not in _PLAIN_ADAM:
        return
    if name == "adamw_torch":
        yield Change(
            "optimizer",
            "Use the fused AdamW",
            Effect.ORDER,
            Pace.NONE,
            {"training.optimizer": "adamw_torch_fused"},
            "the step needs no copy of all gradients",
        )
    if run.parallel.kind.value in (ParallelKind.ZERO, ParallelKind.FSDP):
        return  # 8-bit states and sharding are at odds in several releases
    yield Change(
        "optimizer",
        "Keep the optimizer's states in 8 bits",
        Effect.ARITHMETIC,
        Pace.NONE,
        {"training.optimizer": "adamw_8bit"},
        "2 bytes per trained parameter instead of 8",
        "bitsandbytes has to be installed",
    )


def _micro_batch(run: Run) -> Iterator[Change]:
    micro, accumulation = run.batch.micro_batch.value, run.batch.gradient_accumulation
    if not isinstance(micro, int):
        return
    before = accumulation.or_default(1)
    factor, milder = 2, tuple[str, ...]()
    while micro % factor == 0:
        title = f"{'Halve' if factor == 2 else 'Cut'} the micro batch to {micro // factor}"
        yield Change(
            "micro batch",
            title,
            Effect.ORDER,
            Pace.SLIGHTLY,
            {"batch.micro_batch": micro // factor, "batch.gradient_accumulation": before * factor},
            f"with {before * factor} accumulation steps the global batch stays as it is",
            beyond=milder,
        )
        factor, milder = factor * 2, (*milder, title)


def _sequence(run: Run) -> Iterator[Change]:
    length = run.batch.sequence_length_tokens.value
    if isinstance(length, int) and length // 2 >= LEAST_SEQUENCE_TOKENS:
        yield Change(
            "sequence",
            f"Cut sequences at {length // 2} tokens",
            Effect.TRAINED,
            Pace.NONE,
            {"batch.sequence_length_tokens": length // 2},
            "activations grow with every token",
            "longer examples lose their ends",
        )


def _sharding(run: Run) -> Iterator[Change]:
    ranks = run.parallel.gpus_per_node.or_default(1) * run.parallel.num_nodes.or_default(1)
    kind, stage = run.parallel.kind.value, run.parallel.zero_stage.or_default(0)
    if ranks < 2 or kind is ParallelKind.FSDP or (run.parallel.kind.said and not run.parallel.kind.known):
        return
    if kind is not ParallelKind.ZERO or stage < 2:
        yield Change(
            "sharding",
            "Shard gradients and optimizer states (ZeRO-2)",
            Effect.NONE,
            Pace.NONE,
            {"parallel.kind": ParallelKind.ZERO, "parallel.zero_stage": 2},
            "each rank keeps its part only",
        )
    if kind is not ParallelKind.ZERO or stage < 3:
        yield Change(
            "sharding",
            "Shard the weights as well (ZeRO-3)",
            Effect.NONE,
            Pace.SLIGHTLY,
            {"parallel.kind": ParallelKind.ZERO, "parallel.zero_stage": 3},
            "each rank keeps its part of weights, gradients and optimizer states",
        )


def _offload(run: Run) -> Iterator[Change]:
    if run.parallel.kind.value is not ParallelKind.ZERO:
        return
    stage = run.parallel.zero_stage.or_default(0)
    away = (OffloadDevice.CPU, OffloadDevice.NVME)
    has_weights_away = run.parallel.offload_param.value in away
    has_states_away = run.parallel.offload_optimizer.value in away
    if has_weights_away:
        yield Change(
            "offload",
            "Keep the weights on the GPUs",
            Effect.NONE,
            Pace.NONE,
            {"parallel.offload_param": OffloadDevice.NONE},
            "host RAM holds the optimizer's states only",
        )
    if has_weights_away or has_states_away:
        yield Change(
            "offload",
            "Offload nothing",
            Effect.NONE,
            Pace.NONE,
            {"parallel.offload_param": OffloadDevice.NONE, "parallel.offload_optimizer": OffloadDevice.NONE},
            "nothing of the model's states lies in host RAM",
        )
        if OffloadDevice.NVME not in (run.parallel.offload_param.value, run.parallel.offload_optimizer.value):
            yield Change(
                "offload",
                "Offload to NVMe instead of RAM",
                Effect.NONE,
                Pace.MANIFOLD,
                {
                    "parallel.offload_optimizer": OffloadDevice.NVME,
                    **({"parallel.offload_param": OffloadDevice.NVME} if has_weights_away else {}),
                },
                "host RAM holds buffers only",
                "a fast local drive has to be mounted, and named by nvme_path",
            )
    if stage >= 1 and not has_states_away:
        yield Change(
            "offload",
            "Offload the optimizer to CPU",
            Effect.NONE,
            Pace.MUCH,
            {"parallel.offload_optimizer": OffloadDevice.CPU},
            "masters and optimizer states lie in host RAM",
        )
    if stage == 3 and not has_weights_away:
        yield Change(
            "offload",
            "Offload weights and optimizer to CPU",
            Effect.NONE,
            Pace.MANIFOLD,
            {"parallel.offload_optimizer": OffloadDevice.CPU, "parallel.offload_param": OffloadDevice.CPU},
            "the GPU holds the layers at work only",
        )


def _method(run: Run) -> Iterator[Change]:
    method: Fact[Method] = run.adapter.method
    if method.said and not method.known:
        return
    if method.value not in (Method.LORA, Method.QLORA):
        yield Change(
            "method",
            "Train LoRA adapters",
            Effect.TRAINED,
            Pace.NONE,
            {"adapter.method": Method.LORA, "adapter.lora_rank": 16, "adapter.lora_targets": ("all-linear",)},
            "only the adapters have gradients and optimizer states",
        )
    if method.value is not Method.QLORA and run.parallel.zero_stage.or_default(0) < 3:
        lora = {} if method.value is Method.LORA else {"adapter.lora_rank": 16, "adapter.lora_targets": ("all-linear",)}
        yield Change(
            "method",
            "Train LoRA adapters on a 4-bit model (QLoRA)",
            Effect.TRAINED,
            Pace.BY_A_THIRD,
            {
                "adapter.method": Method.QLORA,
                "adapter.quantization_bits": 4,
                "adapter.quantization_type": "nf4",
                "adapter.double_quantization": True,
                **lora,
            },
            "frozen weights take half a byte each",
            "bitsandbytes has to be installed",
        )


def _gpus(run: Run) -> Iterator[Change]:
    kind = run.parallel.kind.value
    count = run.parallel.gpus_per_node.or_default(1)
    if kind not in (ParallelKind.ZERO, ParallelKind.FSDP):
        return  # more ranks take nothing off each of them
    more, milder = 2 * count, tuple[str, ...]()
    while more <= MAX_GPUS_PER_NODE:
        yield Change(
            "GPUs",
            f"Use {more} GPUs per node",
            Effect.HARDWARE,
            Pace.NONE,
            {"parallel.gpus_per_node": more},
            "sharded states are divided by their number",
            "the global batch grows with it unless accumulation shrinks",
            beyond=milder,
        )
        more, milder = more * 2, (*milder, f"Use {more} GPUs per node")


_DIMENSIONS: tuple[Callable[[Run], Iterator[Change]], ...] = (
    _attention,
    _loss,
    _checkpointing,
    _optimizer,
    _micro_batch,
    _sharding,
    _offload,
    _method,
    _sequence,
    _gpus,
)
