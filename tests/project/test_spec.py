"""Run specs: what they say, what is assumed, and what is refused in one line that names the key."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.errors import SpecError
from ftlint.memory import Verdict, estimate
from ftlint.project.spec import parse_spec, parse_spec_text
from ftlint.run.dtype import DType
from ftlint.run.run import Method, OffloadDevice, ParallelKind

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "run_spec.json").read_text(encoding="utf-8"))

# The example of the contract, key by key.
FULL: dict[str, Any] = {
    "model": {"id": "Qwen/Qwen2.5-32B"},
    "class": "AutoModelForCausalLM",
    "method": "full",
    "lora": {"rank": 16, "target": "all-linear", "modules_to_save": []},
    "quantization": {"bits": 4, "type": "nf4", "double": True},
    "dtype": {"weights": "bfloat16", "compute": "bfloat16", "master": "float32"},
    "optimizer": "adamw_torch_fused",
    "parallel": {
        "kind": "zero", "stage": 3, "fsdp_version": None, "gpus_per_node": 1, "nodes": 1, "zero_init": True,
        "offload_param": "cpu", "offload_optimizer": "cpu", "pin_memory": True,
    },
    "batch": {"micro": 1, "seq_len": 2048, "accumulation": 1},
    "gradient_checkpointing": True,
    "attention": "sdpa",
    "loss": "full",
    "versions": {"torch": "2.5.1", "transformers": "4.46.1", "deepspeed": "0.16.3"},
    "hardware": {"gpu": "H100-96GB", "host_ram": "744GB"},
}  # fmt: skip

TINY = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 256,
}  # fmt: skip


def changed(**sections: object) -> dict[str, Any]:
    """The full spec with some keys changed: a mapping is laid over the section, anything else replaces it."""
    spec = copy.deepcopy(FULL)
    for key, value in sections.items():
        spec[key] = {**spec[key], **value} if isinstance(value, dict) and key != "model" else value
    return spec


def test_the_contracts_example() -> None:
    spec = parse_spec(FULL)
    assert spec.assumptions == ()
    run = spec.run
    assert run.parallel.kind.value is ParallelKind.ZERO
    assert (run.parallel.zero_stage.value, run.parallel.offload_param.value) == (3, OffloadDevice.CPU)
    assert run.adapter.method.value is Method.FULL
    assert run.precision.master.value is DType.FLOAT32
    assert run.hardware.host_ram_bytes.value == 744 * 10**9
    assert spec.versions.admissible["deepspeed"].releases == ("0.16.3",)
    found = estimate(run, versions=spec.versions)
    assert found is not None
    assert found.deepspeed is not None
    assert (found.deepspeed.cpu_bytes, found.deepspeed.gpu_bytes) == (884_624_661_504, 3_114_270_720)
    assert found.verdict is Verdict.TIGHT
    assert found.gpu_capacity is not None


def test_auto_model_has_no_head() -> None:
    spec = parse_spec(changed(**{"class": "AutoModel"}))
    found = estimate(spec.run, versions=spec.versions)
    assert found is not None
    assert found.deepspeed is not None
    assert found.deepspeed.cpu_bytes == 863_603_334_144


def test_everything_but_the_model_may_be_left_out_and_is_listed() -> None:
    spec = parse_spec({"model": "Qwen/Qwen2.5-32B"})
    assert {assumption.key for assumption in spec.assumptions} == {
        "class", "method", "dtype.weights", "dtype.compute", "dtype.master", "optimizer", "parallel.kind",
        "parallel.gpus_per_node", "parallel.nodes", "batch.micro", "batch.seq_len", "batch.accumulation",
        "gradient_checkpointing", "attention", "loss", "versions.torch", "versions.transformers", "versions.deepspeed",
        "hardware.gpu", "hardware.host_ram",
    }  # fmt: skip
    assert all(assumption.value and assumption.why for assumption in spec.assumptions)
    assert estimate(spec.run, versions=spec.versions) is not None


@pytest.mark.parametrize("key", [key for key in FULL if key != "model"])
def test_each_key_may_be_left_out_or_null(key: str) -> None:
    without = {name: value for name, value in FULL.items() if name != key}
    spec, null = parse_spec(without), parse_spec({**FULL, key: None})
    assert spec.run == null.run
    # lora and quantization say nothing about full training, so nothing is assumed for them
    assert bool(spec.assumptions) is (key not in ("lora", "quantization"))
    assert estimate(spec.run, versions=spec.versions) is not None


def test_a_config_wins_over_the_id() -> None:
    spec = parse_spec({"model": {"id": "nobody/knows", "config": TINY}})
    found = estimate(spec.run, versions=spec.versions)
    assert found is not None
    assert found.num_parameters < 10**6


def test_numbers_of_parameters_are_enough_for_states() -> None:
    model = {"parameters": {"total": 32_763_876_352, "largest_layer": 778_567_680}}
    spec = parse_spec(changed(model=model))
    found = estimate(spec.run, versions=spec.versions)
    assert found is not None
    assert found.deepspeed is not None
    assert found.deepspeed.cpu_bytes == 884_624_661_504


@pytest.mark.parametrize(
    ("parallel", "kind"),
    [
        ({}, ParallelKind.SINGLE),
        ({"gpus_per_node": 8}, ParallelKind.DDP),
        ({"nodes": 2}, ParallelKind.DDP),
        ({"stage": 2}, ParallelKind.ZERO),
        ({"offload_optimizer": "cpu"}, ParallelKind.ZERO),
        ({"fsdp_version": 2, "gpus_per_node": 8}, ParallelKind.FSDP),
        ({"kind": "DeepSpeed", "stage": 1}, ParallelKind.ZERO),
    ],
)
def test_kind_follows_from_the_other_keys(parallel: dict[str, object], kind: ParallelKind) -> None:
    assert parse_spec({"model": {"config": TINY}, "parallel": parallel}).run.parallel.kind.value is kind


def test_stage_3_is_assumed_to_offload_weights_and_2_else() -> None:
    offload = parse_spec({"model": {"config": TINY}, "parallel": {"kind": "zero", "offload_param": "cpu"}})
    plain = parse_spec({"model": {"config": TINY}, "parallel": {"kind": "zero"}})
    assert (offload.run.parallel.zero_stage.value, plain.run.parallel.zero_stage.value) == (3, 2)


@pytest.mark.parametrize(("release", "pinned"), [("0.16.3", False), ("0.19.8", True)])
def test_pinning_follows_the_release(release: str, pinned: bool) -> None:
    spec = parse_spec(changed(parallel={"pin_memory": None}, versions={"deepspeed": release}))
    assert spec.run.parallel.pin_optimizer.value is pinned
    assert [(a.key, a.value) for a in spec.assumptions] == [("parallel.pin_memory", str(pinned).lower())]


@pytest.mark.parametrize(
    ("versions", "optimizer"),
    [
        ({}, "adamw_torch_fused"),
        ({"torch": "2.7.1"}, "adamw_torch"),
        ({"torch": "2.8.0", "transformers": "4.53.3"}, "adamw_torch"),
        ({"torch": "2.8.0", "transformers": "4.54.0"}, "adamw_torch_fused"),
    ],
)
def test_the_default_optimizer_follows_the_releases(versions: dict[str, str], optimizer: str) -> None:
    assert parse_spec({"model": {"config": TINY}, "versions": versions}).run.training.optimizer.value == optimizer


def test_methods() -> None:
    lora = parse_spec(changed(method="lora")).run.adapter
    assert (lora.method.value, lora.lora_rank.value, lora.quantization_bits.known) == (Method.LORA, 16, False)
    qlora = parse_spec(changed(method="QLoRA")).run.adapter
    assert (qlora.quantization_bits.value, qlora.quantization_type.value) == (4, "nf4")
    assert parse_spec(changed(method="freeze")).run.adapter.trainable_layers.value == 2
    implied = parse_spec({"model": {"config": TINY}, "lora": {"rank": 4}, "quantization": {"bits": 8}})
    assert implied.run.adapter.method.value is Method.QLORA
    assert implied.run.adapter.quantization_type.value == "int8"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "model: missing"),
        ([], "the run spec: expected an object, found []"),
        ({"model": {}}, "model: expected id, config or parameters.total"),
        (changed(model={"id": "Qwen/Qwen2.5-33B"}), 'model.id = "Qwen/Qwen2.5-33B": expected a model of'),
        ({"model": {"config": {"model_type": "qwen2", "hidden_size": "x"}}}, "model.config.hidden_size must be a"),
        ({"model": {"config": TINY | {"num_hidden_layers": -3}}}, "model.config.num_hidden_layers must be a whole"),
        ({"model": {"config": TINY | {"num_hidden_layers": 10**12}}}, "model.config.num_hidden_layers must be a whole"),
        ({"model": {"config": TINY | {"hidden_size": 0}}}, "model.config.hidden_size must be a whole number from 1"),
        ({"model": {"config": TINY | {"hidden_size": 10**12}}}, "model.config.hidden_size must be a whole number"),
        ({"model": {"config": TINY | {"num_attention_heads": 3}}}, "model.config.hidden_size is not a multiple of"),
        ({"model": {"config": TINY | {"vocab_size": None}}}, "model.config.vocab_size must be a whole number"),
        ({"model": {"config": {"model_type": "nobody"}}}, "model.config.model_type 'nobody' is not one"),
        ({"model": {"config": {}}}, "model.config.model_type is missing"),
        (changed(lora={"dropout": 2}), "lora.dropout = 2: expected a number from 0 to 1"),
        (changed(lora={"dropout": float("nan")}), "lora.dropout = NaN: expected a number"),
        (changed(parallel={"strategy": "FULL_SHARD"}), "parallel.strategy = \"FULL_SHARD\": expected nothing"),
        (changed(parallel={"reduce_bucket_size": -1}), "parallel.reduce_bucket_size = -1: expected a whole number"),
        ({"model": {"config": TINY}, "paralel": {}}, "paralel: no such key; did you mean 'parallel'?"),
        (changed(parallel={"stages": 3}), "parallel.stages: no such key; did you mean 'stage'?"),
        (changed(parallel={"kind": "zer"}), "expected single | ddp | zero | fsdp; did you mean 'zero'?"),
        (changed(parallel={"stage": 4}), "parallel.stage = 4: expected a whole number from 0 to 3"),
        (changed(parallel={"stage": "3"}), 'parallel.stage = "3"'),
        (changed(parallel={"gpus_per_node": 0}), "parallel.gpus_per_node = 0"),
        (changed(parallel={"gpus_per_node": True}), "parallel.gpus_per_node = true"),
        (changed(parallel={"kind": "single", "stage": None, "gpus_per_node": 8}), "expected ddp, zero or fsdp"),
        (changed(parallel={"kind": "fsdp"}), "parallel.stage = 3: expected nothing"),
        (changed(parallel={"stage": 2}), "parallel.offload_param = \"cpu\": expected none: weights"),
        (changed(parallel={"zero_init": "yes"}), "parallel.zero_init = \"yes\": expected true or false"),
        (changed(batch={"micro": -1}), "batch.micro = -1: expected a whole number"),
        (changed(batch={"micro": float("nan")}), "batch.micro = NaN"),
        (changed(batch={"seq_len": 10**30}), "batch.seq_len = "),
        (changed(method="lorra"), "method = \"lorra\": expected full | freeze | lora | qlora; did you mean 'lora'?"),
        (changed(optimizer="adamw_toch"), "optimizer = \"adamw_toch\": expected one of"),
        (changed(dtype={"weights": "bfloat17"}), "did you mean 'bfloat16'?"),
        (changed(dtype={"master": "bfloat16"}), "dtype.master = \"bfloat16\": expected float32 | none"),
        (changed(quantization={"bits": 8}), "quantization.bits = 8: expected 4 for type nf4"),
        (changed(hardware={"gpu": "H100-80"}), "did you mean 'H100-80GB'?"),
        (changed(hardware={"host_ram": 744}), "hardware.host_ram = 744: expected a size with its unit"),
        (changed(hardware={"host_ram": "744"}), "hardware.host_ram = \"744\": expected a size with its unit"),
        (changed(versions={"torch": ">=2.5"}), "versions.torch = \">=2.5\": expected an exact release"),
        (changed(**{"class": "AutoModelForSeq2SeqLM"}), "class = 'AutoModelForSeq2SeqLM': qwen2 has no such class"),
        ({"model": {"parameters": {"total": 10**9}}, "method": "lora"}, "method: from model.parameters only full"),
        ({"model": {"parameters": {"total": 0}}}, "model.parameters.total = 0"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_refused_names_the_key(spec: object, message: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(spec)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 10**6, "{'a': 1}"])
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(SpecError, match=r"spec\.json: not JSON"):
        parse_spec_text(text, "spec.json")


@pytest.mark.parametrize("spec", [FULL, {"model": "Qwen/Qwen2.5-32B"}, {"model": {"config": TINY}, "method": "lora"}])
def test_the_schema_accepts_what_the_parser_accepts(spec: object) -> None:
    parse_spec(spec)
    jsonschema.validate(spec, SCHEMA)


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.floats(),
    st.sampled_from(["", "cpu", "744GB", "bfloat16", "lora"]),
    st.just({}), st.just([]),
)  # fmt: skip


@given(st.data())
def test_schema_and_parser_agree_on_shapes(data: st.DataObject) -> None:
    """One key of the example gets another value: what the schema refuses the parser refuses too.

    Not the other way round: how keys go together, and aliases of words, are the parser's.
    """
    spec = copy.deepcopy(FULL)
    section = data.draw(st.sampled_from(list(FULL)))
    value = data.draw(_VALUES)
    if isinstance(FULL[section], dict) and data.draw(st.booleans()):
        spec[section][data.draw(st.sampled_from([*FULL[section], "unknown"]))] = value
    else:
        spec[section] = value
    try:
        parsed = parse_spec(spec)
    except SpecError:
        return
    jsonschema.validate(spec, SCHEMA)
    estimate(parsed.run, versions=parsed.versions)
