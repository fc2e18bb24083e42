from __future__ import annotations

from dataclasses import replace

from ftlint.memory.estimate import ALWAYS, Assumption, DeepSpeedAnswer, Estimate, Interval, Moment, Place, Term
from ftlint.report.color import Palette
from ftlint.report.estimate import render_estimate
from ftlint.report.places import Places
from ftlint.run.fact import Fact, written
from tests.report.conftest import Locate

GIB = 2**30


def gibibytes(low: int, expected: int, high: int) -> Interval:
    return Interval(low * GIB, expected * GIB, high * GIB)


def example(locate: Locate) -> Estimate:
    model: Fact[str] = written("Qwen/Qwen2.5-32B", locate("train.yaml", "Qwen/Qwen2.5-32B"))
    return Estimate(
        run_name="train",
        terms=(
            Term("weights", Place.GPU, ALWAYS, gibibytes(10, 10, 10), "5 x 2 GiB", "deepspeed runtime/zero/stage3.py"),
            Term(
                "optimizer states",
                Place.HOST_PINNED,
                (Moment.OPTIMIZER_STEP, Moment.SAVING),
                gibibytes(40, 60, 100),
                "3 x 20 GiB",
                "deepspeed ops/adam/cpu_adam.py",
            ),
        ),
        gpu_capacity=None,
        host_capacity_bytes=80 * GIB,
        deepspeed=DeepSpeedAnswer(cpu_bytes=884624661504, gpu_bytes=3114270720),
        assumptions=(Assumption("batch.micro", "1", "left out"),),
        facts={"model.id": model},
        num_parameters=32_763_876_352,
        num_trainable_parameters=1_000,
        gpu_missing=("activations", "allocator slack"),
    )


def test_the_whole_text(places: Places, locate: Locate) -> None:
    before = (Assumption("versions", "torch 2.5.1", "given"),)
    assert render_estimate(example(locate), places, Palette(False), assumptions=before) == (
        "train: tight\n"
        "32,763,876,352 parameters, 1,000 of them trained\n"
        "\n"
        "GPU, each: 10.00 GiB, capacity unknown: unknown\n"
        "    loading               ########################################   10.00 GiB\n"
        "    forward and backward  ########################################   10.00 GiB\n"
        "    optimizer step        ########################################   10.00 GiB\n"
        "    saving                ########################################   10.00 GiB\n"
        "    # at least   = expected   - at most   | capacity\n"
        "\n"
        "Host RAM, per node: 60.00 GiB (40.00 GiB to 100.00 GiB), capacity 80.00 GiB: tight\n"
        "    loading                                               |          0.00 GiB\n"
        "    forward and backward                                  |          0.00 GiB\n"
        "    optimizer step        ################========--------|-------   60.00 GiB (40.00 GiB to 100.00 GiB)\n"
        "    saving                ################========--------|-------   60.00 GiB (40.00 GiB to 100.00 GiB)\n"
        "    # at least   = expected   - at most   | capacity\n"
        "    pinned: 60.00 GiB (40.00 GiB to 100.00 GiB)\n"
        "\n"
        "The GPU figure is a lower bound: activations, allocator slack are not in it.\n"
        "DeepSpeed's own estimator says 823.87 GiB per node and 2.90 GiB per GPU for this setting.\n"
        "\n"
        "Terms\n"
        "  gpu          weights           10.00 GiB, always\n"
        "      5 x 2 GiB\n"
        "      deepspeed runtime/zero/stage3.py\n"
        "  host pinned  optimizer states  60.00 GiB (40.00 GiB to 100.00 GiB), optimizer step, saving\n"
        "      3 x 20 GiB\n"
        "      deepspeed ops/adam/cpu_adam.py\n"
        "\n"
        "Assumed\n"
        "  versions = torch 2.5.1: given\n"
        "  batch.micro = 1: left out\n"
        "\n"
        "Read\n"
        "  model.id = Qwen/Qwen2.5-32B  train.yaml:1:8\n"
    )


def test_nothing_to_show_but_the_headline(places: Places, locate: Locate) -> None:
    empty = replace(
        example(locate), run_name="a\x1b", terms=(), deepspeed=None, assumptions=(), facts={}, gpu_missing=()
    )
    assert render_estimate(empty, places, Palette(False)).splitlines() == [
        "a\\x1b: unknown",
        "32,763,876,352 parameters, 1,000 of them trained",
        "",
        "GPU, each: 0.00 GiB, capacity unknown: unknown",
        "",
        "Host RAM, per node: 0.00 GiB, capacity 80.00 GiB: fits",
    ]
