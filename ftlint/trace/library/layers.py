"""The layers of torch.nn: which have weights, which multiply them with their input, where `dtype` stands.

What each does with a 16-bit input and float32 weights was tried on CPU with torch 2.13: those that multiply raise
(`Linear`: "mat1 and mat2 must have the same dtype"), norms give back the input's dtype.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layer:
    """One class of torch.nn. `dtype_position`: of `dtype` among the positional parameters, where there is such one."""

    dtype_position: int | None = None
    weights: bool = True
    multiplies: bool = True  # raises where the input's dtype is not the weights'
    takes_tokens: bool = False  # its input is integers; its output has the weights' dtype


_CONV = Layer(dtype_position=10)
_CONV_TRANSPOSED = Layer(dtype_position=11)
_RECURRENT = Layer()
_NORM = Layer(multiplies=False)
_PLAIN = Layer(weights=False, multiplies=False)

LAYERS: dict[str, Layer] = {
    "Linear": Layer(dtype_position=4),
    "LazyLinear": Layer(dtype_position=3),
    "Bilinear": Layer(dtype_position=5),
    "PReLU": Layer(dtype_position=3),
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), _CONV),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), _CONV_TRANSPOSED),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _RECURRENT),
    **dict.fromkeys(("MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer"), Layer()),
    **dict.fromkeys(("Embedding", "EmbeddingBag"), Layer(dtype_position=10, multiplies=False, takes_tokens=True)),
    **dict.fromkeys(
        ("LayerNorm", "RMSNorm", "GroupNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"), _NORM
    ),
    **dict.fromkeys(
        (
            "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "Flatten", "Unflatten",
            "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Tanh", "Sigmoid",
            "Softplus", "Softmax", "LogSoftmax", "Hardtanh", "Hardswish", "GLU", "AvgPool1d", "AvgPool2d",
            "MaxPool1d", "MaxPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "Softsign", "Tanhshrink",
            "Hardsigmoid", "LogSigmoid",
        ),
        _PLAIN,
    ),
}  # fmt: skip

STACKS = frozenset({f"torch.nn.{name}" for name in ("Transformer", "TransformerEncoder", "TransformerDecoder")})
"""Modules that are built of copies of a layer."""

CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})


def layer_of(dotted: str) -> Layer | None:
    """The row of a class such as `torch.nn.Linear` or `torch.nn.modules.linear.Linear`."""
    return LAYERS.get(dotted.rpartition(".")[2]) if dotted.startswith("torch.nn.") else None


def is_container(dotted: str) -> bool:
    """Whether it is one of torch.nn's containers."""
    return dotted.startswith("torch.nn.") and dotted.rpartition(".")[2] in CONTAINERS
