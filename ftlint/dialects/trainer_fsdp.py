"""The words of the Trainer's `fsdp` setting: `full_shard auto_wrap offload`.

Source: transformers 4.46 to 5.23 training_args.py, `fsdp`, and trainer_utils.py, `FSDPOption`.
"""

from __future__ import annotations

from ftlint.run.fact import NOTHING, UNKNOWN, Fact
from ftlint.run.run import OffloadDevice, ParallelFacts, ParallelKind

_STRATEGIES = ("FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD", "HYBRID_SHARD_ZERO2")
_OTHERS = ("AUTO_WRAP", "OFFLOAD")
NEUTRAL = (
    "transformer_layer_cls_to_wrap", "min_num_params", "auto_wrap_policy", "backward_prefetch", "forward_prefetch",
    "use_orig_params", "sync_module_states", "limit_all_gathers",
)  # fmt: skip
"""Of `fsdp_config`: what decides neither what is sharded nor where it lies."""


def lower_words(setting: Fact[str], version: Fact[int] = NOTHING) -> ParallelFacts:
    """What the words say; a word that is none of them leaves all unknown. `version`: of FSDP, where it is written."""
    if not setting.known:
        return ParallelFacts(kind=Fact(UNKNOWN, setting.origins))
    words = setting.or_default("").upper().split()
    strategies = [word for word in words if word in _STRATEGIES]
    if len(strategies) > 1 or any(word not in (*_STRATEGIES, *_OTHERS) for word in words):
        return ParallelFacts(kind=Fact(UNKNOWN, setting.origins))
    return ParallelFacts(
        kind=Fact(ParallelKind.FSDP, setting.origins),
        fsdp_version=version,
        fsdp_sharding_strategy=Fact(strategies[0], setting.origins) if strategies else NOTHING,
        offload_param=Fact(OffloadDevice.CPU, setting.origins) if "OFFLOAD" in words else NOTHING,
    )
