"""The published cases are what their sources say, and become run specs that can be read."""

from __future__ import annotations

from collections import Counter

import pytest

from ftlint.knowledge.architectures import Layout, parameter_table
from ftlint.memory import Verdict, estimate
from ftlint.project.spec import parse_spec
from tools.accuracy.cases import Case, load_cases
from tools.accuracy.convert import convert
from tools.accuracy.specs import NotSaidError, spec_of

CASES = load_cases()
GB = 10**9


def case(name: str) -> Case:
    (found,) = (case for case in CASES if case.id == name)
    return found


def test_every_case_says_where_it_comes_from() -> None:
    assert len(CASES) == 648
    assert max(Counter(case.id for case in CASES).values()) == 1
    assert {case.tier for case in CASES} == {"A", "B", "C"}
    assert [case.id for case in CASES if not case.source.startswith("https://github.com/") and case.tier == "A"] == []


def test_every_case_is_a_spec_or_says_why_not() -> None:
    refused: Counter[str] = Counter()
    for each in CASES:
        try:
            spec = spec_of(each)
        except NotSaidError as reason:
            refused[str(reason)] += 1
        else:
            parse_spec(spec, each.id)  # raises SpecError
    assert sum(refused.values()) < 50


# What the source counted itself: llm-foundry prints parameters per run, the others' are on their model pages.
COUNTED = [each for each in CASES if "num_parameters" in each.said and "num_trained" not in each.said]


@pytest.mark.parametrize("model", sorted({each.model for each in COUNTED}))
def test_architectures_have_as_many_parameters_as_was_published(model: str) -> None:
    for each in (each for each in COUNTED if each.model == model):
        try:
            run = parse_spec(spec_of(each), each.id).run
        except NotSaidError:
            continue
        if run.model.architecture.known:
            architecture, model_class = run.model.architecture.value, str(run.model.model_class.value)
            # Counted before transformers 5, which ties every T5's head, where that had such a class.
            older, newer = (
                parameter_table(architecture, model_class, layout=layout)  # type: ignore[arg-type]
                for layout in (Layout.TRANSFORMERS_4, Layout.TRANSFORMERS_5)
            )
            table = older or newer
            assert table is not None
            published = each.said["num_parameters"]
            digits = len(str(published)) - len(str(published).rstrip("0"))  # some pages say "88.6 B"
            assert round(table.num_params, -digits) == published, each.id


@pytest.mark.parametrize(("name", "published_gb"), [("ds-3448-fit", 775), ("linly-83-8", 178)])
def test_host_ram_of_published_offload(name: str, published_gb: int) -> None:
    """Within a tenth of what people published; 750 to 800 is 775. The spec says what they said, and no more."""
    described = parse_spec(spec_of(case(name)), name)
    found = estimate(described.run, versions=described.versions)
    assert found is not None
    assert found.host_total.expected_bytes == pytest.approx(published_gb * GB, rel=0.1)
    assert found.host_total.low_bytes < published_gb * GB < found.host_total.high_bytes


def test_host_ram_of_a_published_lower_bound() -> None:
    """Somebody saw "160+GB": at least that, and hardly a fifth more."""
    described = parse_spec(spec_of(case("linly-83-4")))
    found = estimate(described.run, versions=described.versions)
    assert found is not None
    assert 160 * GB < found.host_total.expected_bytes < 192 * GB


@pytest.mark.parametrize("name", ["lf-6755", "ds-3448-oom", "ds-3606", "ax-1439"])
def test_runs_that_the_kernel_killed_never_fit(name: str) -> None:
    described = parse_spec(spec_of(case(name)), name)
    found = estimate(described.run, versions=described.versions)
    assert found is not None
    assert found.host_verdict in (Verdict.TIGHT, Verdict.DOES_NOT_FIT)
    assert found.verdict is not Verdict.FITS


def test_conversion_carries_over_what_is_said_and_nothing_else() -> None:
    row = {
        "id": "x-1", "source": "github:someone/bench@0123abc:results/a.csv row 7", "tier": "B", "outcome": "oom",
        "what_was_measured": "torch peak reserved", "model": "meta-llama/Llama-2-7b-hf", "params": 6738415616,
        "method": "lora", "lora": {"r": 8, "targets": ["q_proj"]}, "optimizer": None,
        "precision": {"weights": "bf16", "compute": "bf16"}, "framework": "FSDP1 FULL_SHARD, no offload",
        "n_gpus": 16, "n_nodes": 2, "gpu": "A100-SXM4-80GB", "micro_batch": 2, "seq_len": None,
        "grad_checkpointing": None, "attention": None, "loss": "full-logits CE", "measured_gpu_gb": 10,
        "measured_gpu_gib": 10, "unit": "GiB", "measured_cpu_gb": "> 744", "versions": "torch 2.4.1, peft 0.13.2",
        "notes": "", "ambiguity": "",
    }  # fmt: skip
    assert convert(row) == {
        "id": "x-1", "group": "someone/bench", "tier": "B", "outcome": "gpu out of memory",
        "source": "https://github.com/someone/bench/blob/0123abc/results/a.csv row 7",
        "model": "meta-llama/Llama-2-7b-hf", "num_parameters": 6738415616, "method": "lora", "micro_batch": 2,
        "versions": {"torch": "2.4.1", "peft": "0.13.2"}, "weights": "bfloat16", "compute": "bfloat16",
        "lora_rank": 8, "lora_targets": ["q_proj"], "gpus_per_node": 8, "nodes": 2, "gpu": "A100-80GB",
        "parallel": "fsdp", "fsdp_version": 1, "reserved_bytes": 10 * 2**30, "reserved_by": "torch",
        "host_capacity_bytes": 744 * GB,
    }  # fmt: skip
