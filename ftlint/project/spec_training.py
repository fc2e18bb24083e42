"""The sections of a run spec that say what is trained, in which formats, and how a step goes."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from packaging.version import Version

from ftlint.errors import nearest
from ftlint.memory.optimizers import OPTIMIZERS, WITHOUT_FORMULA
from ftlint.project.spec_reader import Blanks, ObjectReader
from ftlint.run.dtype import DType, parse_dtype
from ftlint.run.fact import NOTHING, Fact, default
from ftlint.run.run import AdapterFacts, BatchFacts, Method, ParallelFacts, ParallelKind, PrecisionFacts, TrainingFacts
from ftlint.run.versions import VersionView
from ftlint.spans import How, Origin

T = TypeVar("T")

OPTIMIZER_ALIASES = {"adamw": "adamw_torch", "adam": "adamw_torch", "adamw_fused": "adamw_torch_fused"}
BITS = {"nf4": 4, "fp4": 4, "int8": 8}
DTYPES = (DType.BFLOAT16, DType.FLOAT16, DType.FLOAT32)


def read_adapter(spec: ObjectReader, blanks: Blanks) -> AdapterFacts:
    """What is trained, and how the base model is stored.

    `lora` counts for methods lora and qlora, `quantization` for qlora: for others they are checked and set aside.
    """
    lora, quantization = spec.section("lora"), spec.section("quantization")
    word = spec.choice("method", [method.value for method in Method])
    implied = Method.FULL
    if spec.has("lora"):
        implied = Method.QLORA if spec.has("quantization") else Method.LORA
    method = blanks.fill(spec, "method", None if word is None else Method(word), implied, "as the other keys say")
    rank, targets, saved = lora.integer("rank", 1, 100_000), lora.texts("target"), lora.texts("modules_to_save")
    dropout, use_dora = lora.number("dropout", 0.0, 1.0), lora.flag("dora")
    lora.finish()
    bits, kind, is_double, is_prepared = _quantization(quantization)
    if method.value is Method.FREEZE:
        blanks.note("method", "freeze", "the last two layers are trained, LLaMA-Factory's default")
        return AdapterFacts(method=method, trainable_layers=default(2, "LLaMA-Factory's default"))
    if method.value is Method.FULL:
        return AdapterFacts(method=method)
    facts = AdapterFacts(
        method=method,
        lora_rank=blanks.fill(lora, "rank", rank, 8, "default of PEFT and of LLaMA-Factory"),
        lora_targets=blanks.fill(lora, "target", targets, ("all-linear",), "what adapts most"),
        modules_to_save=blanks.fill(lora, "modules_to_save", saved, (), "PEFT's default"),
        lora_dropout=_or_default("lora.dropout", dropout, 0.0, "PEFT's default"),
        use_dora=_or_default("lora.dora", use_dora, False, "PEFT's default"),
    )
    if method.value is Method.LORA:
        return facts
    usual = "int8" if bits == 8 else "nf4"
    return replace(
        facts,
        quantization_type=blanks.fill(quantization, "type", kind, usual, "as QLoRA does"),
        quantization_bits=blanks.fill(quantization, "bits", bits, BITS.get(kind or usual, 4), "as QLoRA does"),
        double_quantization=blanks.fill(quantization, "double", is_double, False, "bitsandbytes' default"),
        is_prepared=NOTHING if is_prepared is None else Fact(is_prepared, (_said("quantization.prepared"),)),
    )


def _said(key: str) -> Origin:
    return Origin(How.WRITTEN, None, f"{key} in the run spec")


def _or_default(key: str, value: T | None, otherwise: T, why: str) -> Fact[T]:
    """A word that most specs leave out; the estimate lists it where it counts."""
    return default(otherwise, why) if value is None else Fact(value, (_said(key),))


def _quantization(reader: ObjectReader) -> tuple[int | None, str | None, bool | None, bool | None]:
    bits, kind = reader.integer("bits", 2, 8), reader.choice("type", (*BITS, "gptq"))
    is_double, is_prepared = reader.flag("double"), reader.flag("prepared")
    reader.finish()
    if bits is not None and kind != "gptq" and bits not in ((BITS[kind],) if kind else (4, 8)):
        raise reader.complaint("bits", f"{BITS[kind]} for type {kind}" if kind else "4 or 8")
    return bits, kind, is_double, is_prepared


def read_precision(
    reader: ObjectReader, blanks: Blanks, parallel: ParallelFacts, adapter: AdapterFacts
) -> PrecisionFacts:
    """Formats of weights, arithmetic and the optimizer's own copy."""
    weights, compute = _dtype(reader, "weights"), _dtype(reader, "compute")
    master_text = reader.text("master")
    if master_text is not None and master_text.lower() != "none" and _dtype(reader, "master") is not DType.FLOAT32:
        raise reader.complaint("master", "float32 | none")
    reader.finish()
    stored = blanks.fill(reader, "weights", weights, DType.BFLOAT16, "the format of most checkpoints")
    used = blanks.fill(reader, "compute", compute, stored.or_default(DType.BFLOAT16), "as the weights")
    has_copy = parallel.kind.value in (ParallelKind.ZERO, ParallelKind.FSDP)
    has_adapters = adapter.method.value in (Method.LORA, Method.QLORA)
    if master_text is not None:
        origin = Origin(How.WRITTEN, None, "dtype.master in the run spec")
        copy: Fact[DType | None] = Fact(None if master_text.lower() == "none" else DType.FLOAT32, (origin,))
    elif has_copy or has_adapters:
        why = (
            "PEFT keeps adapters in float32" if has_adapters and not has_copy else "ZeRO and accelerate's FSDP keep one"
        )
        copy = default(DType.FLOAT32, why)
        blanks.note("dtype.master", "float32", why)
    else:
        copy = default(None, "")
        blanks.note("dtype.master", "none", "a model in 16 bits is updated in 16 bits")
    return PrecisionFacts(weights=stored, compute=used, master=copy)


def _dtype(reader: ObjectReader, key: str) -> DType | None:
    text = reader.text(key)
    if text is None:
        return None
    dtype = parse_dtype(text)
    if dtype not in DTYPES:
        words = [known.value for known in DTYPES]
        raise reader.complaint(key, " | ".join(words), nearest(text.lower(), words))
    return dtype


def read_batch(reader: ObjectReader, blanks: Blanks) -> BatchFacts:
    """Sizes of one step."""
    micro = reader.integer("micro", 1, 10**6)
    seq_len = reader.integer("seq_len", 1, 10**8)
    accumulation = reader.integer("accumulation", 1, 10**6)
    is_filled = reader.flag("filled")
    reader.finish()
    return BatchFacts(
        micro_batch=blanks.fill(reader, "micro", micro, 1, "the least"),
        sequence_length_tokens=blanks.fill(reader, "seq_len", seq_len, 2048, "a usual length"),
        is_filled=_or_default("batch.filled", is_filled, True, "every sequence has that length"),
        gradient_accumulation=blanks.fill(reader, "accumulation", accumulation, 1, "the Trainer's default"),
    )


def read_training(spec: ObjectReader, blanks: Blanks, versions: VersionView) -> TrainingFacts:
    """Optimizer, recomputation and kernels."""
    optimizer = spec.choice("optimizer", (*OPTIMIZERS, *WITHOUT_FORMULA), OPTIMIZER_ALIASES)
    attention = spec.choice("attention", ("eager", "sdpa", "flash_attention_2"), {"flash": "flash_attention_2"})
    loss = spec.choice("loss", ("full", "fused", "chunked", "liger"))
    kernels = spec.choice("kernels", ("standard", "fused"))
    usual = _default_optimizer(versions)
    return TrainingFacts(
        optimizer=blanks.fill(spec, "optimizer", optimizer, usual, "the Trainer's default in those releases"),
        gradient_checkpointing=blanks.fill(
            spec, "gradient_checkpointing", spec.flag("gradient_checkpointing"), False, "the Trainer's default"
        ),
        attention=blanks.fill(spec, "attention", attention, "sdpa", "transformers' default"),
        loss=blanks.fill(spec, "loss", loss, "full", "the Trainer's usual"),
        kernels=NOTHING if kernels is None else Fact(kernels, (_said("kernels"),)),
    )


def _default_optimizer(versions: VersionView) -> str:
    """The newest default unless a release in use is older. Source: transformers training_args.py, `default_optim`."""
    for package, first in (("torch", "2.8"), ("transformers", "4.54")):
        admissible = versions.admissible.get(package)
        if admissible is not None and Version(admissible.releases[-1]) < Version(first):
            return "adamw_torch"
    return "adamw_torch_fused"
