"""What LoRA adapts in mixtures of experts, by releases of transformers and PEFT."""

from __future__ import annotations

from typing import Any

import pytest

from ftlint.knowledge.architectures import Layout, ParameterTable, parameter_table
from ftlint.memory import estimate
from ftlint.memory.adapting import (
    ExpertAdapters,
    Generation,
    ParameterTarget,
    adapted_modules,
    find_targets,
    is_target,
    possible_generations,
)
from ftlint.memory.parameters import adapter_tensors
from ftlint.project.spec import parse_spec
from ftlint.run.versions import Admissible, VersionView
from tests.memory.runs import architecture

RANK, EXPERTS, HIDDEN, WIDTH = 4, 8, 64, 24
QWEN = {
    "model_type": "qwen3_moe", "vocab_size": 128, "num_hidden_layers": 3, "hidden_size": HIDDEN, "head_dim": 16,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 112, "moe_intermediate_size": WIDTH,
    "num_experts": EXPERTS, "num_experts_per_tok": 2,
}  # fmt: skip
ATTENTION = RANK * (2 * (HIDDEN + 64) + 2 * (HIDDEN + 32))
NAMES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def table(layout: Layout = Layout.TRANSFORMERS_5) -> ParameterTable:
    found = parameter_table(architecture(QWEN), layout=layout)
    assert found is not None
    return found


def num_trained(targets: tuple[str, ...], how: ExpertAdapters, layout: Layout = Layout.TRANSFORMERS_5) -> int:
    of = table(layout)
    return sum(adapter_tensors(of, find_targets(of, "qwen3_moe", targets, how), RANK))


def releases(**names: str) -> VersionView:
    return VersionView({package: Admissible((name,), ()) for package, name in names.items()})


def generations(
    versions: VersionView | None, targets: tuple[str, ...] = ("all-linear",), *, is_plain: bool = True
) -> tuple[Generation, ...]:
    tables = {layout: table(layout) for layout in Layout}
    return possible_generations(versions, tables, "qwen3_moe", targets, is_plain=is_plain)


def test_fused_experts_have_a_rank_for_each_weight() -> None:
    """gate_up_proj is two weights in one, so its adapter has twice the rank; the router has a plain one."""
    fused = EXPERTS * 2 * RANK * (HIDDEN + 2 * WIDTH) + EXPERTS * RANK * (WIDTH + HIDDEN)
    router = RANK * (HIDDEN + EXPERTS)
    assert num_trained(("all-linear",), ExpertAdapters.FOLDED) == 3 * (ATTENTION + fused + router)
    assert num_trained(NAMES, ExpertAdapters.FOLDED) == 3 * (ATTENTION + fused)
    assert num_trained(("all-linear",), ExpertAdapters.NONE) == num_trained(NAMES, ExpertAdapters.NONE) == 3 * ATTENTION


def test_separate_experts_are_modules() -> None:
    each = 2 * RANK * (HIDDEN + WIDTH) + RANK * (WIDTH + HIDDEN)
    router = RANK * (HIDDEN + EXPERTS)
    found = num_trained(("all-linear",), ExpertAdapters.NONE, Layout.TRANSFORMERS_4)
    assert found == 3 * (ATTENTION + EXPERTS * each + router)


def test_shared_experts_lose_their_adapters_to_the_fused_ones() -> None:
    """The names go to the parameters, and nothing is left for modules of the same name."""
    glm = {**QWEN, "model_type": "glm4_moe", "n_routed_experts": EXPERTS, "n_shared_experts": 1,
           "first_k_dense_replace": 1}  # fmt: skip
    of = parameter_table(architecture(glm))
    assert of is not None
    found = find_targets(of, "glm4_moe", ("all-linear",), ExpertAdapters.FOLDED)
    assert found.modules == ("k_proj", "o_proj", "q_proj", "v_proj")
    assert ParameterTarget("gate_up_proj", 2) in found.parameters


@pytest.mark.parametrize(
    ("pattern", "modules", "parts"),
    [
        (r".*\.(q_proj|gate_proj|up_proj|down_proj)", ("q_proj",), {"gate_up_proj": 2, "down_proj": 1}),
        (r".*\.layers\.1\..*q_proj", ("q_proj",), {}),  # the end of a name is found in every layer then
    ],
)
def test_a_pattern_becomes_ends_of_names(pattern: str, modules: tuple[str, ...], parts: dict[str, int]) -> None:
    found = find_targets(table(), "qwen3_moe", (pattern,), ExpertAdapters.FOLDED)
    assert (found.modules, {each.name: each.num_parts for each in found.parameters}) == (modules, parts)


def test_one_of_two_fused_weights_is_refused() -> None:
    assert find_targets(table(), "qwen3_moe", ("gate_proj", "down_proj"), ExpertAdapters.FOLDED).is_refused
    assert not find_targets(table(), "qwen3_moe", NAMES, ExpertAdapters.FOLDED).is_refused


@pytest.mark.parametrize("targets", [("all-linear",), NAMES, ("layers.1.self_attn.q_proj",), (r".*2.*v_proj",)])
def test_equal_layers_are_asked_once(targets: tuple[str, ...]) -> None:
    of = table(Layout.TRANSFORMERS_4)
    expected = [(m.in_features, m.out_features) for m in of.linear_modules() if is_target(m, targets)]
    assert expected
    assert [(m.in_features, m.out_features) for m in adapted_modules(of, targets)] == expected


FOLDED = Generation(Layout.TRANSFORMERS_5, ExpertAdapters.FOLDED)
ADDED = Generation(Layout.TRANSFORMERS_5, ExpertAdapters.ADDED)
MODULES = Generation(Layout.TRANSFORMERS_5, ExpertAdapters.NONE)
SEPARATE = Generation(Layout.TRANSFORMERS_4, ExpertAdapters.NONE)


@pytest.mark.parametrize(
    ("transformers", "peft", "generation"),
    [
        ("5.23.0", "0.21.2", FOLDED),
        ("5.23.0", "0.20.0", ADDED),
        ("5.23.0", "0.18.1", MODULES),
        ("4.57.1", "0.21.2", SEPARATE),
    ],
)
def test_releases_decide(transformers: str, peft: str, generation: Generation) -> None:
    assert generations(releases(transformers=transformers, peft=peft)) == (generation,)


def test_unknown_releases_are_all_there_and_the_newest_is_believed() -> None:
    folded = Generation(Layout.TRANSFORMERS_5, ExpertAdapters.FOLDED, may_be_added=True)
    assert generations(None) == (folded, MODULES, SEPARATE)
    assert generations(None, ("q_proj", "v_proj")) == (MODULES,)  # what is adapted is the same in all


def test_what_peft_refuses_no_release_of_it_trains() -> None:
    """Dropout on a parameter; and a word under 0.19, which takes it for letters."""
    assert generations(None, is_plain=False) == (MODULES, SEPARATE)
    assert ADDED in generations(releases(transformers="5.23.0", peft="0.19.1"), NAMES)
    assert ADDED not in generations(releases(transformers="5.23.0", peft="0.19.1"))


def asked(**words: Any) -> Any:
    described = parse_spec(
        {"model": "Qwen/Qwen3-30B-A3B", "method": "lora", "batch": {"micro": 1, "seq_len": 512},
         "gradient_checkpointing": True, **words}
    )  # fmt: skip
    found = estimate(described.run, versions=described.versions)
    assert found is not None
    return found


def test_an_estimate_spans_the_releases() -> None:
    """The believed figures are the newest releases'; the interval holds those of all others."""
    whole = asked()
    assert not whole.gpu_missing
    assert any(each.key == "adapter.experts" for each in whole.assumptions)
    for versions in ({"transformers": "5.23.0", "peft": "0.21.2"}, {"transformers": "5.23.0", "peft": "0.18.1"},
                     {"transformers": "4.57.1", "peft": "0.18.1"}):  # fmt: skip
        one = asked(versions=versions)
        assert not any(each.key == "adapter.experts" for each in one.assumptions)
        assert whole.gpu_allocated.low_bytes <= one.gpu_allocated.expected_bytes <= whole.gpu_allocated.high_bytes
    newest = asked(versions={"transformers": "5.23.0", "peft": "0.21.2"})
    assert newest.num_trainable_parameters == whole.num_trainable_parameters
    assert newest.gpu_allocated.expected_bytes == whole.gpu_allocated.expected_bytes
