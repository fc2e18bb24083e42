"""Number formats of weights and arithmetic."""

from __future__ import annotations

from enum import Enum


class DType(Enum):
    """A torch dtype that model weights come in."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    FLOAT8_E4M3FN = "float8_e4m3fn"
    FLOAT8_E5M2 = "float8_e5m2"
    INT8 = "int8"

    @property
    def num_bytes(self) -> int:
        """Bytes of one element."""
        return {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}.get(self.value, 1)

    @property
    def torch_name(self) -> str:
        """As written in Python: `torch.bfloat16`."""
        return f"torch.{self.value}"

    @property
    def is_half(self) -> bool:
        """Whether it is one of the two 16-bit float formats."""
        return self in (DType.BFLOAT16, DType.FLOAT16)


_ALIASES = {
    "float": "float32",
    "fp32": "float32",
    "double": "float64",
    "fp64": "float64",
    "half": "float16",
    "fp16": "float16",
    "bf16": "bfloat16",
}


def parse_dtype(text: str) -> DType | None:
    """The dtype a string names, as `torch.bfloat16`, `bfloat16`, `bf16`, `half` …; None for any other word."""
    name = text.strip().lower().removeprefix("torch.")
    try:
        return DType(_ALIASES.get(name, name))
    except ValueError:
        return None
