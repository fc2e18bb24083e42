from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ftlint.memory.estimate import ALWAYS, Assumption, DeepSpeedAnswer, Estimate, Interval, Moment, Place, Term
from ftlint.report.color import Palette
from ftlint.report.estimate import render_estimate
from ftlint.report.places import Places
from ftlint.report.reasons import reasons
from ftlint.run.fact import Fact, default, written
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
    assert render_estimate(example(locate), places, Palette(False), assumptions=before, is_verbose=True) == (
        "train: tight\n"
        "  GPU: not judged, for which GPU it is is not said; it takes 10.00 GiB, most at: loading\n"
        "  host RAM: tight, 60.00 GiB expected and at most 100.00 GiB of 80.00 GiB\n"
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


def test_in_short_the_largest_terms_and_what_is_not_known(places: Places, locate: Locate) -> None:
    """Of each device when most is expected; defaults stand without reasons, and values without a place are left out."""
    gpu = [replace(example(locate).terms[0], name=f"term {n}", size=gibibytes(n, n, n)) for n in range(1, 11)]
    many = (
        *(Assumption(f"key.{n}", str(n), "usual") for n in range(8)),
        Assumption("versions.torch", "unknown", "intervals cover the releases that differ"),
    )
    shown = replace(example(locate), terms=tuple(gpu), assumptions=many, facts={"batch.micro": default(1, "usual")})
    text = render_estimate(shown, places, Palette(False))
    assert text[text.index("Largest") :] == (
        "Largest, GPU, loading\n"
        "  10.00 GiB  term 10         5 x 2 GiB\n"
        "  9.00 GiB   term 9          5 x 2 GiB\n"
        "  8.00 GiB   term 8          5 x 2 GiB\n"
        "  7.00 GiB   term 7          5 x 2 GiB\n"
        "  6.00 GiB   term 6          5 x 2 GiB\n"
        "  5.00 GiB   term 5          5 x 2 GiB\n"
        "  4.00 GiB   term 4          5 x 2 GiB\n"
        "  6.00 GiB   3 smaller ones\n"
        "\n"
        "Assumed\n"
        "  versions.torch = unknown: intervals cover the releases that differ\n"
        "As is usual\n"
        "  key.0 = 0, key.1 = 1, key.2 = 2, key.3 = 3, key.4 = 4, key.5 = 5, key.6 = 6, key.7 = 7\n"
        "\n"
        "With -v: every term with its moments and source, every assumption with its reason, every value read.\n"
    )


@pytest.mark.parametrize(
    ("changes", "gpu", "host"),
    [
        (
            {"gpu_capacity": gibibytes(9, 9, 9)},
            "GPU: does not fit, needs at least 10.00 GiB of 9.00 GiB",
            "host RAM: tight",
        ),
        (
            {"gpu_capacity": gibibytes(9, 9, 9), "is_rank_count_known": False},
            "GPU: not judged: 10.00 GiB are too much for one GPU, and how many there are is not said",
            "host RAM: tight",
        ),
        (
            {"gpu_capacity": gibibytes(20, 20, 20)},
            "GPU: unknown: 10.00 GiB of 20.00 GiB without activations, allocator slack",
            "host RAM: tight",
        ),
        (
            {"gpu_capacity": gibibytes(20, 20, 20), "gpu_missing": ()},
            "GPU: fits, 10.00 GiB expected and at most 10.00 GiB of 20.00 GiB",
            "host RAM: tight",
        ),
        (
            {"host_capacity_bytes": 30 * GIB},
            "GPU: not judged",
            "host RAM: does not fit, needs at least 40.00 GiB of 30.00 GiB",
        ),
        ({"host_capacity_bytes": None}, "GPU: not judged", "host RAM: not judged, for how much there is is not said"),
    ],
)
def test_the_reasons_of_a_verdict(changes: dict[str, Any], gpu: str, host: str, locate: Locate) -> None:
    of_gpu, of_host = reasons(replace(example(locate), **changes))
    assert of_gpu.startswith(gpu)
    assert of_host.startswith(host)


def test_nothing_to_show_but_the_headline(places: Places, locate: Locate) -> None:
    empty = replace(
        example(locate), run_name="a\x1b", terms=(), deepspeed=None, assumptions=(), facts={}, gpu_missing=()
    )
    assert render_estimate(empty, places, Palette(False)).splitlines() == [
        "a\\x1b: unknown",
        "  GPU: not judged, for which GPU it is is not said; it takes 0.00 GiB, most at: loading",
        "  host RAM: fits, 0.00 GiB expected and at most 0.00 GiB of 80.00 GiB",
        "32,763,876,352 parameters, 1,000 of them trained",
        "",
        "GPU, each: 0.00 GiB, capacity unknown: unknown",
        "",
        "Host RAM, per node: 0.00 GiB, capacity 80.00 GiB: fits",
        "",
        "With -v: every term with its moments and source, every assumption with its reason, every value read.",
    ]
