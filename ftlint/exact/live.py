"""Counts the bytes alive while torch runs on fake tensors, storage by storage."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

# Temporaries inside one CUDA kernel call, which no trace sees: `Tensor tmp = grad * output`.
# Source: torch 2.13 aten/src/ATen/native/cuda/SoftMax.cu, `softmax_backward_cuda_out`.
_KERNEL_TEMPORARIES = {torch.ops.aten._softmax_backward_data.default}


class LiveBytes(TorchDispatchMode):  # type: ignore[misc]  # torch is typed as Any here
    """A mode that books every storage that an operation makes, until it is freed.

    `live_bytes` and `peak_bytes` cover activations and temporaries: not what `ignore` was told of (weights, inputs),
    and not gradients of weights from the moment `is_gradient` is told of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live_bytes = 0
        self.peak_bytes = 0
        self.gradient_bytes = 0
        self.peak_at = ""
        self.calls: Counter[str] = Counter()
        """How often each operation ran, by torch's name."""
        self._books: dict[int, tuple[int, Any]] = {}
        self._ignored: set[int] = set()

    def ignore(self, tensors: Iterable[torch.Tensor]) -> None:
        """Leave these tensors' storages out of the count."""
        for tensor in tensors:
            self._ignored.add(tensor.untyped_storage()._cdata)

    def is_gradient(self, tensor: torch.Tensor) -> None:
        """From now on this storage is a weight's gradient."""
        key = tensor.untyped_storage()._cdata
        booked = self._books.pop(key, None)
        if booked is not None:
            self.live_bytes -= booked[0]
            self._ignored.add(key)
        self.gradient_bytes += tensor.numel() * tensor.element_size()

    def start_peak(self) -> None:
        """Forget the peak so far."""
        self.peak_bytes = self.live_bytes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls[func.overloadpacket.__name__] += 1
        for item in tree_iter(result):
            if isinstance(item, torch.Tensor) and item.device.type != "meta":
                self._book(item)
        inside = 0
        if func in _KERNEL_TEMPORARIES:
            inside = result.numel() * result.element_size()
        if self.live_bytes + inside > self.peak_bytes:
            self.peak_bytes = self.live_bytes + inside
            self.peak_at = str(func)
        return result

    def _book(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._books or key in self._ignored:
            return
        num_bytes = storage.nbytes()

        def freed(_: Any, key: int = key) -> None:
            booked = self._books.pop(key, None)
            if booked is not None:
                self.live_bytes -= booked[0]

        self._books[key] = (num_bytes, weakref.ref(storage, freed))
        self.live_bytes += num_bytes
