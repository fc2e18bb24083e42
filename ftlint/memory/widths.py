"""How many bytes an element of each kind of state takes in a run."""

from __future__ import annotations

from ftlint.memory.estimate import Interval, exactly
from ftlint.memory.facts import FactReader
from ftlint.memory.workload import Widths
from ftlint.run.dtype import DType
from ftlint.run.fact import Fact, Unknown

HALF_OR_FULL = Interval(2, 2, 4)
"""Bytes of an element of which only the usual width is known."""


USUALLY_FULL = Interval(2, 4, 4)
"""Bytes of an element that is float32 unless somebody turns that off."""


def read_widths(
    reader: FactReader, *, is_quantized: bool, has_engine: bool, is_sharded: bool = False, has_adapters: bool = False
) -> Widths:
    """Bytes per element; `has_engine`: DeepSpeed trains, which keeps a master copy of what it updates.

    Where nobody says it, adapters are float32 (peft 0.12 on, `autocast_adapter_dtype`), and so is what FSDP trains
    under mixed precision (accelerate 1.15 accelerator.py, utils/fsdp_utils.py; 1.13 forgot it under FSDP2: issue 3979).
    """
    weights = _width_of(reader.known("precision.weights"))
    if has_engine:
        model = _engine_width(reader, weights)
        master = _master_width(reader, unsaid=exactly(4))
        return Widths(
            trained=model,
            frozen=model,
            master=master,
            optimizer_states=_said_width(reader, "precision.optimizer_states", unsaid=exactly(4)),
            accumulated_gradient=_said_width(reader, "parallel.gradient_accumulation_dtype", unsaid=model),
            quantized_bytes_per_4096=_quantized(reader, is_quantized=is_quantized),
        )
    # Without an engine there is no second copy: the trained weights themselves are what the optimizer updates.
    compute: DType | None = reader.known("precision.compute")
    is_raised = has_adapters or (is_sharded and compute is not None and compute.is_half)
    unsaid = exactly(4) if weights == exactly(4) else USUALLY_FULL if is_raised else weights or HALF_OR_FULL
    trained = _master_width(reader, unsaid=unsaid, none=weights or HALF_OR_FULL)
    frozen = weights or HALF_OR_FULL
    return Widths(trained, frozen, trained, trained, trained, _quantized(reader, is_quantized=is_quantized))


def _engine_width(reader: FactReader, weights: Interval | None) -> Interval:
    """DeepSpeed casts the model to the 16-bit format that is enabled, whatever it was loaded in."""
    compute: DType | None = reader.known("precision.compute")
    if compute is not None and compute.is_half:
        return exactly(2)
    if compute is not None:
        return weights or HALF_OR_FULL
    if weights is None or weights == exactly(2):
        return HALF_OR_FULL
    return Interval(2, weights.expected_bytes, max(4, weights.high_bytes))


def _master_width(reader: FactReader, *, unsaid: Interval, none: Interval | None = None) -> Interval:
    fact: Fact[DType | None] = reader.look("precision.master")
    if not fact.said:
        return unsaid
    if isinstance(fact.value, Unknown):
        return Interval(2, 4, 4)
    return _width_of(fact.value) or none or exactly(2)


def _said_width(reader: FactReader, name: str, *, unsaid: Interval) -> Interval:
    fact: Fact[DType] = reader.look(name)
    if not fact.said:
        return unsaid
    return _width_of(reader.known(name)) or Interval(2, 4, 4)


def _width_of(dtype: DType | None) -> Interval | None:
    return None if dtype is None else exactly(dtype.num_bytes)


def _quantized(reader: FactReader, *, is_quantized: bool) -> int:
    """Bytes of 4096 quantized parameters.

    nf4 and fp4: half a byte and a float32 absmax per block of 64; double quantization keeps one byte per block and a
    float32 per 256 blocks. int8: a byte and a float32 per row, here of 4096. GPTQ: the bits, and per group of 128 a
    16-bit scale and a zero point. Source: bitsandbytes functional.py `quantize_4bit`, nn/modules.py `Int8Params`;
    gptqmodel nn_modules/qlinear. Resident 4-bit models agree within 0.4 % with published ones.
    """
    if not is_quantized:
        return 0
    bits = reader.known("adapter.quantization_bits") or 4
    kind = reader.look("adapter.quantization_type").or_default("int8" if bits == 8 else "nf4")
    if kind == "int8":
        return 4096 + 4
    if kind == "gptq":
        return 4096 * bits // 8 + 32 * 2 + 32 * bits // 8
    is_double = reader.look("adapter.double_quantization").or_default(False)
    return 2048 + 64 + 1 if is_double else 2048 + 64 * 4
