"""Training scripts on transformers and TRL: what the trace says about the run that `trainer.train()` starts.

Source: transformers 5.23 training_args.py; trl 1.16 trainer/sft_config.py, trainer/base_config.py.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any

from ftlint.dialects import deepspeed
from ftlint.dialects.dialect import PartialRun, Reference
from ftlint.dialects.trl_recipe import sft_loss
from ftlint.knowledge.architectures import ModelClass, takes_images
from ftlint.run.dtype import DType
from ftlint.run.fact import NOTHING, UNKNOWN, Fact, KeyValue, default
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.run.run import (
    SECTIONS,
    AdapterFacts,
    BatchFacts,
    Method,
    ModelFacts,
    ParallelFacts,
    ParallelKind,
    PrecisionFacts,
    ReferenceModel,
    Run,
    TrainingFacts,
    merge,
)
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin
from ftlint.syntax.document import ScriptDocument
from ftlint.trace import ScriptTrace
from ftlint.trace.events import Trained
from ftlint.trace.settings import LoadedModel, Setting, Settings

# A script that says any of this may train less than all weights in a way the trace does not follow.
_MAY_FREEZE = re.compile(r"requires_grad|freez|lora|peft|adapter|unsloth|galore|param_groups", re.IGNORECASE)
_CLASSES = ("AutoModelForCausalLM", "AutoModel", "AutoModelForSequenceClassification")
# Trainers whose settings cut sequences at 1024 tokens where `max_length` is not written; that make two sequences of
# each example, chosen and rejected; that compare with a reference model.
# Source: trl 0.12 to 1.16 trainer/*_config.py, *_trainer.py.
_CUT_AT_1024 = ("trl.SFTTrainer", "trl.DPOTrainer", "trl.KTOTrainer", "trl.CPOTrainer", "trl.ORPOTrainer")
_PAIRED = ("trl.DPOTrainer", "trl.CPOTrainer", "trl.ORPOTrainer", "trl.RewardTrainer")
_COMPARING = ("trl.DPOTrainer", "trl.KTOTrainer")
# What may give a model's weights another dtype after they are loaded.
_CASTS = re.compile(r"\.(half|float|double|bfloat16|type)\(|\.to\(\s*(torch\.|dtype)|kbit|unsloth|quantization")
_OWN_OPTIMIZER = re.compile(r"\boptimizers\s*=|create_optimizer|optimizer_cls")


@dataclasses.dataclass(frozen=True)
class _Words:
    """What the whole text hints at; looked for once, however many runs the script starts."""

    may_freeze: bool
    own_optimizer: bool
    casts: bool

    @classmethod
    def of(cls, text: str) -> _Words:
        return cls(
            _MAY_FREEZE.search(text) is not None,
            _OWN_OPTIMIZER.search(text) is not None,
            _CASTS.search(text) is not None,
        )


def lower_script(trace: ScriptTrace, document: ScriptDocument, versions: VersionView) -> tuple[PartialRun, ...]:
    """The runs that a script starts, one for each `trainer.train()`; where branches disagree a fact is unknown."""
    trained = [event for event in trace.events() if isinstance(event, Trained) and event.settings is not None]
    if not trained:
        return ()  # most scripts; and looking for words in any case takes a tenth as long as parsing
    words = _Words.of("\n".join(source.text for source in document.sources))
    by_place: dict[tuple[str, int, int, int], list[PartialRun]] = {}
    for event in trained:
        by_place.setdefault(event.location.sort_key(), []).append(_lower(event, words, versions))
    return tuple(_agreed(partials) for partials in by_place.values())


def _lower(event: Trained, words: _Words, versions: VersionView) -> PartialRun:
    settings = event.settings
    assert settings is not None
    read = _Reader(settings, event.trainer)
    adapter = _adapter(event.model, words)
    facts = Run(
        root=event.made_at,
        model=_model(event.model),
        adapter=adapter,
        precision=PrecisionFacts(weights=_weights_dtype(event.model, words, versions), compute=_compute_dtype(read)),
        batch=BatchFacts(
            micro_batch=read.integer("per_device_train_batch_size", 8),
            gradient_accumulation=read.integer("gradient_accumulation_steps", 1),
            sequence_length_tokens=read.integer("max_length", 1024) if event.trainer in _CUT_AT_1024 else NOTHING,
            sequences_per_example=Fact(2, (_origin(event.made_at),)) if event.trainer in _PAIRED else NOTHING,
            is_filled=read.flag("packing", False) if _is_sft(event) else NOTHING,
        ),
        training=TrainingFacts(
            optimizer=_optimizer(read, event, words),
            loss=_loss(read, event, versions),
            reference=_reference(event, adapter),
            gradient_checkpointing=read.flag("gradient_checkpointing", event.trainer.startswith("trl.")),
        ),
    )
    shared = None if event.model is None or event.model.loading is None else event.model.loading.get("tp_plan")
    if shared is not None and shared.value is not None:  # ranks share the weights of each layer
        kind: Fact[ParallelKind] = Fact(UNKNOWN, (_origin(shared.location, "tp_plan"),))
        return PartialRun(dataclasses.replace(facts, parallel=ParallelFacts(kind=kind)), starts_run=True)
    engine = settings.get("deepspeed")
    if engine is None:
        # Somebody may have put the setting where we do not see it; then nothing is known of the parallelism.
        unseen = ParallelFacts(kind=Fact(UNKNOWN, (_origin(settings.location),)))
        return PartialRun(dataclasses.replace(facts, parallel=unseen) if settings.open else facts, starts_run=True)
    if isinstance(engine.value, Settings):
        inline = deepspeed.lower(_keys(engine.value), versions).facts
        return PartialRun(merge(facts, inline), starts_run=True)
    named: Fact[str] = Fact(engine.value if isinstance(engine.value, str) else UNKNOWN, (_origin(engine.location),))
    return PartialRun(facts, (Reference("deepspeed", named),) if engine.value is not None else (), starts_run=True)


def _reference(event: Trained, adapter: AdapterFacts) -> Fact[ReferenceModel]:
    """Adapters are switched off for it. Else a copy is usual, unless another model, or log-probabilities, are given.

    Source: trl 1.16 trainer/dpo_trainer.py, kto_trainer.py, `ref_model`, `precompute_ref_log_probs`.
    """
    if event.trainer not in _COMPARING:
        return NOTHING
    is_off = adapter.method.value in (Method.LORA, Method.QLORA)
    return Fact(ReferenceModel.ADAPTERS_OFF if is_off else UNKNOWN, (_origin(event.made_at),))


def _model(model: LoadedModel | None) -> ModelFacts:
    if model is None:
        return ModelFacts()
    name = model.class_name.rpartition(".")[2]
    known = name if name in _CLASSES else "AutoModelForCausalLM" if name.endswith("ForCausalLM") or not name else None
    if takes_images(name):
        known = ModelClass.IMAGE_TEXT_TO_TEXT.value
    return ModelFacts(
        id=Fact(model.model_id if model.model_id is not None else UNKNOWN, (_origin(model.location),)),
        model_class=Fact(known if known is not None else UNKNOWN, (_origin(model.location, name),)),
    )


def _adapter(model: LoadedModel | None, words: _Words) -> AdapterFacts:
    """Full training only where nothing in the script hints at anything else."""
    if model is None:
        return AdapterFacts()
    here = _origin(model.location)
    if model.handed_away:
        return AdapterFacts(method=Fact(UNKNOWN, (here,)))
    quantized = model.loading is not None and any(
        (found := model.loading.get(name)) is not None and found.value not in (None, False)
        for name in ("quantization_config", "load_in_4bit", "load_in_8bit")
    )
    if model.adapter is None:
        certain = not quantized and not words.may_freeze
        return AdapterFacts(
            method=default(Method.FULL, "all weights are trained") if certain else Fact(UNKNOWN, (here,))
        )
    read = _Reader(model.adapter, "peft")
    place = _origin(model.adapter.location)
    if quantized:
        return AdapterFacts(method=Fact(UNKNOWN, (here,)))
    return AdapterFacts(
        method=Fact(Method.LORA, (place,)),
        lora_rank=read.integer("r", 8),
        lora_dropout=read.number("lora_dropout", 0.0),
        use_dora=read.flag("use_dora", False),
        lora_targets=read.words("target_modules"),
        modules_to_save=read.words("modules_to_save", ()),
    )


def _weights_dtype(model: LoadedModel | None, words: _Words, versions: VersionView) -> Fact[DType]:
    """What `from_pretrained` is asked for; where it is not, float32 in releases that load so."""
    if model is None or model.loading is None or model.loading.open or words.casts or model.handed_away:
        return NOTHING
    asked = model.loading.get("dtype") or model.loading.get("torch_dtype")
    if asked is not None and asked.value is not None:
        known = {dtype.value: dtype for dtype in (DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)}
        dtype = known.get(asked.value.removeprefix("torch.")) if isinstance(asked.value, str) else None
        return NOTHING if dtype is None else Fact(dtype, (_origin(asked.location, "dtype"),))
    if versions.possible("from_pretrained_default_dtype") == ("float32",):
        return default(DType.FLOAT32, "transformers' default in those releases")
    return NOTHING


def _compute_dtype(read: _Reader) -> Fact[DType]:
    for name, dtype in (("bf16", DType.BFLOAT16), ("fp16", DType.FLOAT16)):
        flag = read.flag(name, False)
        if flag.value is not False:
            return Fact(dtype if flag.value is True else UNKNOWN, flag.origins)
    return NOTHING


def _is_sft(event: Trained) -> bool:
    return event.trainer == "trl.SFTTrainer"


def _loss(read: _Reader, event: Trained, versions: VersionView) -> Fact[str]:
    """Which kernel makes the loss; unknown where a class of one's own, or releases that differ, decide."""
    liger = read.flag("use_liger_kernel", False)
    unknown: Fact[str] = Fact(UNKNOWN, (_origin(event.made_at),))
    if liger.value is not False or event.own_class:
        return Fact("liger", liger.origins) if liger.value is True and not event.own_class else unknown
    if not _is_sft(event):
        return default("full", "the Trainer's usual") if event.trainer == "transformers.Trainer" else NOTHING
    kernel = sft_loss(read.text("loss_type"), versions)
    return kernel if kernel.said else unknown


def _optimizer(read: _Reader, event: Trained, words: _Words) -> Fact[str]:
    if event.own_class or words.own_optimizer:
        return Fact(UNKNOWN, (_origin(event.made_at),))
    return read.text("optim")


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Typed reading of keyword arguments; what is not written has the default, unless something may hide it."""

    settings: Settings
    owner: str

    def flag(self, name: str, preset: bool) -> Fact[bool]:
        """A boolean."""
        return self._typed(name, bool, preset)

    def integer(self, name: str, preset: int) -> Fact[int]:
        """A whole number."""
        found = self._typed(name, int, preset)
        return Fact(UNKNOWN, found.origins) if isinstance(found.value, bool) else found

    def number(self, name: str, preset: float) -> Fact[float]:
        """A number, whole or not."""
        found = self._typed(name, int | float, preset)
        return Fact(UNKNOWN, found.origins) if isinstance(found.value, bool) else found

    def text(self, name: str) -> Fact[str]:
        """A string; nothing where it is not written."""
        return self._typed(name, str, None)

    def words(self, name: str, preset: tuple[str, ...] | None = None) -> Fact[tuple[str, ...]]:
        """A sequence of strings, or one."""
        found = self.settings.get(name)
        if found is None or found.value is None:
            return self._absent(name, preset)
        items = (found.value,) if isinstance(found.value, str) else found.value
        if isinstance(items, tuple) and all(isinstance(item, str) for item in items):
            return Fact(tuple(str(item) for item in items), (_origin(found.location, name),))
        return Fact(UNKNOWN, (_origin(found.location, name),))

    def _typed(self, name: str, kind: type[Any] | UnionType, preset: Any) -> Fact[Any]:  # Any: the caller's type
        found = self.settings.get(name)
        if found is None:
            return self._absent(name, preset)
        value = found.value
        return Fact(value if isinstance(value, kind) else UNKNOWN, (_origin(found.location, name),))

    def _absent(self, name: str, preset: Any) -> Fact[Any]:
        if self.settings.open:
            return Fact(UNKNOWN, (_origin(self.settings.location),))
        return NOTHING if preset is None else default(preset, f"{self.owner}'s default for {name}")


def _keys(settings: Settings) -> KeySet:
    """A dict in a script as keys of DeepSpeed's, each at the place of its value."""
    keys: dict[KeyPath, Key] = {}
    is_open = _collect(settings, (), keys)
    return KeySet("deepspeed", keys, {}, (), complete=not is_open)


def _collect(settings: Settings, path: KeyPath, keys: dict[KeyPath, Key]) -> bool:
    is_open = settings.open
    for name, setting in settings.entries:
        inner = (*path, name)
        keys[inner] = _key(inner, setting)
        if isinstance(setting.value, Settings):
            is_open |= _collect(setting.value, inner, keys)
    return is_open


def _key(path: KeyPath, setting: Setting) -> Key:
    value: KeyValue | Section | Any = setting.value
    if isinstance(value, Settings):
        value = Section.MAPPING
    elif isinstance(value, tuple):
        value = Section.SEQUENCE
    origin = _origin(setting.location, ".".join(path))
    return Key("deepspeed", path, Fact(value, (origin,)), "", setting.location, setting.location, setting.location)


def _origin(location: Any, note: str = "") -> Origin:
    return Origin(How.WRITTEN, location, note)


def _agreed(partials: Iterable[PartialRun]) -> PartialRun:
    """One run for all branches that reach one `train()`: what they disagree on is unknown."""
    first, *others = dict.fromkeys(partials)
    facts = first.facts
    for other in others:
        facts = dataclasses.replace(
            facts, **{name: _section_agreed(getattr(facts, name), getattr(other.facts, name)) for name in SECTIONS}
        )
    if any(other.references != first.references for other in others):
        unseen = tuple(origin for item in (first, *others) for ref in item.references for origin in ref.fact.origins)
        return PartialRun(facts, (Reference("deepspeed", Fact(UNKNOWN, unseen)),), starts_run=True)
    return PartialRun(facts, first.references, starts_run=True)


def _section_agreed(one: Any, other: Any) -> Any:  # Any: each section is a class of its own
    changes = dict(_disagreements(one, other))
    return dataclasses.replace(one, **changes) if changes else one


def _disagreements(one: Any, other: Any) -> Iterator[tuple[str, Fact[Any]]]:
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if left.value != right.value:
            yield field.name, Fact(UNKNOWN, tuple(dict.fromkeys((*left.origins, *right.origins))))
