"""What torch and safetensors really take and give where PT101's page and edits rely on it."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("torch", "safetensors")),
        reason="the referee needs torch and safetensors",
    ),
]


def test_a_path_can_be_mapped_and_an_open_file_cannot(tmp_path: Path) -> None:
    import torch

    path = str(tmp_path / "a.pt")
    torch.save({"weight": torch.ones(2)}, path)
    assert torch.load(path, map_location="cpu", mmap=True, weights_only=True)["weight"].tolist() == [1, 1]
    with open(path, "rb") as file, pytest.raises(ValueError, match="f must be a file path"):
        torch.load(file, mmap=True)
    with pytest.raises(ValueError, match="f must be a file path"):
        torch.load(io.BytesIO(Path(path).read_bytes()), mmap=True)


def test_safetensors_takes_texts_as_devices(tmp_path: Path) -> None:
    import torch
    from safetensors import SafetensorError  # type: ignore[import-not-found]  # of the frameworks' environment only
    from safetensors.torch import load_file, save_file  # type: ignore[import-not-found]

    path = str(tmp_path / "a.safetensors")
    save_file({"weight": torch.ones(2)}, path)
    assert load_file(path)["weight"].device.type == "cpu"
    assert torch.load(path)["weight"].device.type == "cpu"
    assert torch.load(path, map_location="cpu", mmap=True, weights_only=True)["weight"].device.type == "cpu"
    with pytest.raises(SafetensorError, match="invalid"):
        load_file(path, device=torch.device("cpu"))


def test_assigned_weights_stay_where_they_were_loaded() -> None:
    import torch
    from torch import nn

    model = nn.Linear(2, 2, device="meta")
    model.load_state_dict({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, assign=True)
    assert model.weight.device.type == "cpu"
