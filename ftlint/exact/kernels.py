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

FLASH = "flash"
EFFICIENT = "memory-efficient"


class CudaKernels:
    """Whose `in_place` makes `F.scaled_dot_product_attention`, `F.dropout` and others the CUDA ones for a while.

    Patched and no function mode: recomputation runs in autograd's engine, which leaves such modes. `used`: the
    attention kernels that ran.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the CUDA operations in place of the CPU's."""
        with ExitStack() as stack:
            stack.enter_context(patch.object(functional, "scaled_dot_product_attention", self._attention))
            stack.enter_context(patch.object(functional, "dropout", _dropout))
            # In float32 under CUDA's autocast, not under the CPU's. Source: torch 2.13 ATen/autocast_mode.h.
            for owner, name in ((functional, "layer_norm"), (functional, "softmax"), (torch, "pow")):
                stack.enter_context(patch.object(owner, name, _raised(getattr(owner, name))))
            yield

    def _attention(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        """SDPA's choice on a GPU in half precision: flash without a mask, memory-efficient with one."""
        if torch.is_autocast_enabled("cpu"):
            lower = torch.get_autocast_dtype("cpu")
            query, key, value = query.to(lower), key.to(lower), value.to(lower)
        if attn_mask is None:
            self.used.add(FLASH)
            flash = torch.ops.aten._scaled_dot_product_flash_attention
            return flash(query, key, value, dropout_p, is_causal, scale=scale)[0]
        self.used.add(EFFICIENT)
        if attn_mask.dtype == torch.bool:
            attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype)
        attn_mask = attn_mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
        efficient = torch.ops.aten._scaled_dot_product_efficient_attention
        return efficient(query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale)[0]


def _dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    if not training or p == 0:
        return input
    return torch.ops.aten.native_dropout(input, p, True)[0]


def _raised(function: Callable[..., Any]) -> Callable[..., Any]:
    def in_float32(input: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if torch.is_autocast_enabled("cpu") and input.dtype in (torch.bfloat16, torch.float16):
            input = input.float()
            args = tuple(_float(arg) for arg in args)
            kwargs = {key: _float(value) for key, value in kwargs.items()}
        return function(input, *args, **kwargs)

    return in_float32


def _float(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
