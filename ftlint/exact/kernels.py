"""Makes torch on a CPU run the operations that it would run on a CUDA device, as far as they decide what is kept.

On a CPU, attention and dropout are other kernels, and autocast leaves more in half precision; the backward formulas
of the CUDA kernels can be traced anywhere, because tracing needs their shapes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as functional
from torch.utils._pytree import tree_map

FLASH = "flash"
EFFICIENT = "memory-efficient"

ATTENTION_KERNELS = {
    "_scaled_dot_product_flash_attention": FLASH,
    "_scaled_dot_product_efficient_attention": EFFICIENT,
    "_scaled_dot_product_flash_attention_for_cpu": "CPU",
    "_scaled_dot_product_fused_attention_overrideable": "another device's",
    "_scaled_dot_product_cudnn_attention": "cuDNN",
}
"""torch's attention operations by name. Its fallback is made of others, so there is none of them where it runs."""

_IN_FLOAT32 = (
    *("exp", "log", "reciprocal", "rsqrt", "pow.Scalar", "pow.Tensor_Scalar", "pow.Tensor_Tensor", "softplus"),
    *("layer_norm", "native_layer_norm", "group_norm"),
)
_TO_FLOAT32 = ("softmax.int", "log_softmax.int", "sum", "sum.dim_IntList", "cumsum")
"""What autocast computes in float32 on CUDA and not on a CPU, of what language models use.

The first read float32, too; the others get a dtype where they were given none.
Source: torch 2.13 ATen/autocast_mode.h, AT_FORALL_FP32 and AT_FORALL_FP32_SET_OPT_DTYPE.
"""

_HALF = (torch.bfloat16, torch.float16)


@contextmanager
def cuda_kernels() -> Iterator[None]:
    """Make `F.scaled_dot_product_attention`, `F.dropout` and autocast the CUDA ones for a while.

    Patched and no function mode: recomputation runs in autograd's engine, which leaves such modes.
    """
    with ExitStack() as stack:
        stack.enter_context(patch.object(functional, "scaled_dot_product_attention", _attention))
        stack.enter_context(patch.object(functional, "dropout", _dropout))
        # Asked without a device it answers for CUDA.
        stack.enter_context(patch.object(torch, "is_autocast_enabled", _is_autocast_enabled))
        stack.enter_context(_autocast_of_cuda())
        yield


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """SDPA's choice on a GPU in half precision: memory-efficient with a mask or values of another width, else flash.

    Source: torch 2.13 aten native/transformers/cuda/sdp_utils.cpp, `check_head_dim_size_flash`.
    """
    if torch.is_autocast_enabled("cpu"):
        lower = torch.get_autocast_dtype("cpu")
        query, key, value = query.to(lower), key.to(lower), value.to(lower)
    if attn_mask is None and query.shape[-1] == value.shape[-1]:
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        return flash(query, key, value, dropout_p, is_causal, scale=scale)[0]
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype)
        attn_mask = attn_mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    efficient = torch.ops.aten._scaled_dot_product_efficient_attention
    return efficient(query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale)[0]


def _dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    if not training or p == 0:
        return input
    return torch.ops.aten.native_dropout(input, p, True)[0]


def _is_autocast_enabled(device_type: str = "cpu", is_enabled: Any = torch.is_autocast_enabled) -> bool:
    return bool(is_enabled(device_type))


@contextmanager
def _autocast_of_cuda() -> Iterator[None]:
    """Autocast for the CPU takes over what only CUDA's computes in float32.

    Registered with torch's dispatcher, for operations made of others (`torch.square` is a power) and methods reach no
    function of Python's.
    """
    library = torch.library.Library("aten", "IMPL")
    try:
        for name in _IN_FLOAT32:
            library.impl(name, _below_autocast(name, _raised), "AutocastCPU")
        for name in _TO_FLOAT32:
            library.impl(name, _below_autocast(name, _with_dtype), "AutocastCPU")
        yield
    finally:
        library._destroy()


def _below_autocast(name: str, change: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[..., Any]:
    packet, _, overload = name.partition(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload or "default")

    def changed(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)):
            args, kwargs = change(args, kwargs)
            return operation(*args, **kwargs)

    return changed


def _raised(args: Any, kwargs: Any) -> tuple[Any, Any]:
    return tree_map(_float, args), tree_map(_float, kwargs)


def _with_dtype(args: Any, kwargs: Any) -> tuple[Any, Any]:
    if args[0].dtype in _HALF and kwargs.get("dtype") is None and not any(isinstance(arg, torch.dtype) for arg in args):
        kwargs = {**kwargs, "dtype": torch.float32}
    return args, kwargs


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.dtype in _HALF else value
