"""GPUs and cloud instances by the names that people and drivers give them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.knowledge.gpus import GIB_BYTES, closest_gpu_name, find_gpu, gpu_names
from ftlint.knowledge.instances import find_instance, instance_names

PROMISED = (
    "T4 L4 L20 L40S A10G RTX-3090 RTX-4090 RTX-5090 RTX-A5000 RTX-A6000 V100-16GB V100-32GB A100-40GB A100-80GB "
    "A800-80GB H100-80GB H100-96GB H20-96GB H200 B200 MI250X MI300X Ascend-910B"
).split()


@pytest.mark.parametrize("name", PROMISED)
def test_promised_names(name: str) -> None:
    gpu = find_gpu(name)
    assert gpu is not None
    assert gpu.name == name
    assert gpu.source


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA A100 80GB PCIe", "A100-80GB"),
        ("a100 80 GB", "A100-80GB"),
        ("a100_40gb", "A100-40GB"),
        ("Tesla V100-SXM2-32GB", "V100-32GB"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
        ("NVIDIA H100 80GB HBM3", "H100-80GB"),
        ("NVIDIA H100 NVL", "H100-96GB"),
        ("AMD Instinct MI300X", "MI300X"),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    gpu = find_gpu(spelling)
    assert gpu is not None
    assert gpu.name == name


@pytest.mark.parametrize("name", ["A100", "V100", "RTX-4099", "", "gpu", "H100-81GB"])
def test_ambiguous_and_unknown(name: str) -> None:
    assert find_gpu(name) is None


def test_suggestions() -> None:
    assert closest_gpu_name("RTX-4099") in ("RTX-4090", "RTX-4090D")
    assert closest_gpu_name("A100") in ("A100-40GB", "A100-80GB")
    assert closest_gpu_name("something else entirely") is None


def test_memory_is_an_interval_below_the_label() -> None:
    for name in gpu_names():
        gpu = find_gpu(name)
        assert gpu is not None
        assert 0 < gpu.usable_low_bytes <= gpu.usable_bytes <= gpu.usable_high_bytes
    h100 = find_gpu("H100-80GB")
    assert h100 is not None
    assert 79.0 * GIB_BYTES < h100.usable_low_bytes < h100.usable_high_bytes < 79.7 * GIB_BYTES


def test_what_the_hardware_can_do() -> None:
    turing, hopper = find_gpu("T4"), find_gpu("H200")
    assert turing is not None
    assert hopper is not None
    assert (turing.has_bf16, turing.compute_capability) == (False, "7.5")
    assert (hopper.has_bf16, hopper.has_fp8) == (True, True)


def test_names_do_not_collide() -> None:
    # Each alias leads back to the GPU that lists it.
    for name in gpu_names():
        gpu = find_gpu(name)
        assert gpu is not None
        for alias in gpu.aliases:
            found = find_gpu(alias)
            assert found is not None
            assert found.name == name


@given(st.text())
def test_any_text(name: str) -> None:
    gpu = find_gpu(name)
    assert gpu is None or gpu.name in gpu_names()


def test_how_many_there_are() -> None:
    assert len(gpu_names()) >= 50
    assert len(instance_names()) >= 100


@pytest.mark.parametrize("name", gpu_names())
def test_capability_says_what_the_hardware_can_do(name: str) -> None:
    gpu = find_gpu(name)
    assert gpu is not None
    if gpu.compute_capability is None:  # another maker's
        return
    capability = tuple(int(part) for part in gpu.compute_capability.split("."))
    assert gpu.has_bf16 is (capability >= (8, 0))
    assert gpu.has_fp8 is (capability >= (8, 9))


@pytest.mark.parametrize("name", gpu_names())
def test_figures_of_a_source_lie_within_the_interval(name: str) -> None:
    """In a source, a number of two decimals is the GiB that torch had of such a board (gpus.json, "reading")."""
    gpu = find_gpu(name)
    assert gpu is not None
    seen = [float(figure) * GIB_BYTES for figure in re.findall(r"\b\d+\.\d\d\b", gpu.source)]
    rounding_bytes = 0.005 * GIB_BYTES
    assert gpu.usable_low_bytes - rounding_bytes <= min(seen, default=gpu.usable_bytes)
    assert max(seen, default=gpu.usable_bytes) <= gpu.usable_high_bytes + rounding_bytes


@pytest.mark.parametrize("name", gpu_names())
def test_a_gpu_has_a_source_that_can_be_read(name: str) -> None:
    gpu = find_gpu(name)
    assert gpu is not None
    assert gpu.source
    assert not gpu.source.startswith("recalled")


@pytest.mark.parametrize("name", instance_names())
def test_an_instance_has_a_source(name: str) -> None:
    instance = find_instance(name)
    assert instance is not None
    assert instance.name == name
    assert instance.source
    assert "recalled" not in instance.source
    assert instance.gpu.name in gpu_names()
    assert 1 <= instance.num_gpus <= 16
    # Under 10 GiB of RAM per GPU or over 1 TiB would be a slip of the hand.
    assert 10 * GIB_BYTES <= instance.host_ram_bytes // instance.num_gpus <= 1024 * GIB_BYTES


def test_instances() -> None:
    instance = find_instance("AWS:p4d.24xlarge")
    assert instance is not None
    assert (instance.gpu.name, instance.num_gpus, instance.host_ram_bytes) == ("A100-40GB", 8, 1152 * GIB_BYTES)
    assert find_instance("aws:p9.bogus") is None
