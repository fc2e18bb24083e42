"""How an Axolotl file spreads a model over GPUs: `fsdp`, `fsdp_config`, and the sizes that split layers or sequences.

Source: axolotl 0.19.0 utils/schemas/{config,fsdp,validation}.py, utils/trainer.py `setup_fsdp_envs`, train.py
`save_trained_model`. How many processes there are is the launcher's.
"""

from __future__ import annotations

from ftlint.dialects.axolotl_keys import is_set
from ftlint.dialects.lowering import KeyReader
from ftlint.run.fact import NOTHING, UNKNOWN, Fact
from ftlint.run.key import Section
from ftlint.run.run import OffloadDevice, ParallelFacts, ParallelKind, StateDictType

_STRATEGIES = ("FULL_SHARD", "SHARD_GRAD_OP", "NO_SHARD", "HYBRID_SHARD", "HYBRID_SHARD_ZERO2")
_WORDS = (*_STRATEGIES, "AUTO_WRAP", "OFFLOAD")
_STATE_DICTS = {kind.value: kind for kind in StateDictType}
# Ranks that share a layer's weights, its experts or a sequence, or that shard in groups.
_SIZES = (
    "tensor_parallel_size", "context_parallel_size", "sequence_parallel_degree", "expert_parallel_size",
    "dp_shard_size", "dp_replicate_size",
)  # fmt: skip
# What places the model on GPUs in another way.
_PLACES = (
    "max_memory",
    "gpu_memory_limit",
    "device_map",
    "use_ray",
    "ray_num_workers",
    "layer_offloading",
    "ple_cpu_offload",
    "deepcompile",
)


def shards_by_fsdp(read: KeyReader) -> bool:
    """Whether one of FSDP's two keys is set."""
    return is_set(read.raw("fsdp")) or is_set(read.raw("fsdp_config"))


def lower_sharding(read: KeyReader) -> ParallelFacts:
    """FSDP where it is asked for; a kind that nobody can see where a layer or a sequence is shared, or both are."""
    for name in (*_SIZES, *_PLACES):
        setting = read.raw(name)
        if is_set(setting) and not (name in _SIZES and setting.value == 1):
            return ParallelFacts(kind=Fact(UNKNOWN, setting.origins))
    words, block = read.raw("fsdp"), read.raw("fsdp_config")
    engine = read.raw("deepspeed")
    if not shards_by_fsdp(read):
        is_readable = not is_set(engine) or engine.value is Section.MAPPING or isinstance(engine.value, str)
        return ParallelFacts() if is_readable else ParallelFacts(kind=Fact(UNKNOWN, engine.origins))
    origins = (*words.origins, *block.origins)
    named = _strategies(read)
    is_seen = not is_set(block) or block.value is Section.MAPPING
    if is_set(engine) or named is None or not is_seen:
        return ParallelFacts(kind=Fact(UNKNOWN, (*origins, *engine.origins)))
    version = _version(read)
    return ParallelFacts(
        kind=Fact(ParallelKind.FSDP, origins),
        fsdp_version=version,
        fsdp_sharding_strategy=_strategy(read, named, version),
        fsdp_cpu_ram_efficient_loading=_of_block(read, "cpu_ram_efficient_loading").flag(),
        offload_param=_offload(read, named),
    )


class _Setting:
    """One key of the block, found with `fsdp_` in front of its name or without."""

    def __init__(self, read: KeyReader, name: str) -> None:
        short, long = f"fsdp_config.{name}", f"fsdp_config.fsdp_{name}"
        self._read = read
        self.key = short if read.written(short) else long
        self.fact = read.raw(self.key)

    def flag(self) -> Fact[bool]:
        """Nothing for null."""
        return NOTHING if self.fact.value is None else self._read.flag(self.key)


def _of_block(read: KeyReader, name: str) -> _Setting:
    return _Setting(read, name)


def _strategies(read: KeyReader) -> tuple[str, ...] | None:
    """The words of `fsdp`, in capitals; None where one of them is none of torch's."""
    setting = read.raw("fsdp")
    if not is_set(setting) or setting.value is True:
        return ()
    words = read.words("fsdp")
    if not words.known:
        return None
    found = tuple(word.upper() for text in words.or_default(()) for word in text.split())
    return found if all(word in _WORDS for word in found) else None


def _version(read: KeyReader) -> Fact[int]:
    """As written; which one holds where it is not, the release decides (1, and 2 since 0.21)."""
    for key in ("fsdp_version", "fsdp_config.version", "fsdp_config.fsdp_version"):
        if is_set(read.raw(key)):
            found = read.integer(key)
            return found if found.value in (1, 2) else Fact(UNKNOWN, found.origins)
    return NOTHING


def _strategy(read: KeyReader, words: tuple[str, ...], version: Fact[int]) -> Fact[str]:
    """FSDP2 has a switch, FSDP1 a word in one of two places."""
    reshards = _of_block(read, "reshard_after_forward").flag()
    if version.value == 2:
        names = {True: "FULL_SHARD", False: "SHARD_GRAD_OP"}
        return Fact(names.get(reshards.or_default(True), UNKNOWN), reshards.origins) if reshards.known else NOTHING
    written = _of_block(read, "sharding_strategy").fact
    named = [word for word in words if word in _STRATEGIES]
    if is_set(written):
        word = str(written.value).upper()
        is_one = word in _STRATEGIES and (not named or named == [word])
        return Fact(word if is_one else UNKNOWN, written.origins)
    if len(named) > 1 or reshards.said:
        return Fact(UNKNOWN, (*read.raw("fsdp").origins, *reshards.origins))
    return Fact(named[0], read.raw("fsdp").origins) if named else NOTHING


def _offload(read: KeyReader, words: tuple[str, ...]) -> Fact[OffloadDevice]:
    offloads = _of_block(read, "offload_params").flag()
    if offloads.said and not offloads.known:
        return Fact(UNKNOWN, offloads.origins)
    if offloads.value is True or "OFFLOAD" in words:
        return Fact(OffloadDevice.CPU, (*offloads.origins, *read.raw("fsdp").origins))
    return Fact(OffloadDevice.NONE, offloads.origins) if offloads.said else NOTHING


def state_dict_type(read: KeyReader) -> Fact[StateDictType]:
    """How the model is saved; unknown where checkpoints on the way are written in another way than the last one."""
    if not shards_by_fsdp(read):
        return NOTHING
    usual = _of_block(read, "state_dict_type").fact
    last = _of_block(read, "final_state_dict_type").fact
    said = [fact for fact in (usual, last, read.raw("fsdp_final_state_dict_type")) if is_set(fact)]
    if not said:
        return NOTHING
    origins = tuple(origin for fact in said for origin in fact.origins)
    values = {str(fact.value).upper() for fact in said}
    return Fact(_STATE_DICTS.get(values.pop(), UNKNOWN) if len(values) == 1 else UNKNOWN, origins)
