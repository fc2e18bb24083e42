"""What accelerate's launch configuration says of a run, and (marked `referee`) what accelerate itself makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ftlint.run.dtype import DType
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import OffloadDevice, ParallelKind, Run, StateDictType
from ftlint.syntax.document import Format
from tests.dialects.reading import lowered

HEAD = "compute_environment: LOCAL_MACHINE\n"
FILES = {
    "one.yaml": HEAD + "distributed_type: 'NO'\nmixed_precision: 'no'\nnum_machines: 1\nnum_processes: 4\n",
    "one-without-number.yaml": HEAD + "distributed_type: 'NO'\nmixed_precision: fp16\n",
    "no-without-quotes.yaml": "distributed_type: NO\nnum_processes: 4\nmixed_precision: bf16\n",
    "ddp.yaml": HEAD + "distributed_type: MULTI_GPU\nmixed_precision: bf16\nnum_machines: 2\nnum_processes: 16\n"
    "main_process_ip: 10.0.0.1\nmain_process_port: 29500\nsame_network: true\nmachine_rank: 0\n",
    "ddp.json": '{"distributed_type": "MULTI_GPU", "num_processes": 2, "fp16": true}',
    "fsdp.yaml": HEAD + "distributed_type: FSDP\nmixed_precision: bf16\nnum_processes: 8\n",
    "fsdp1.yaml": HEAD
    + "distributed_type: FSDP\nnum_processes: 8\nfsdp_config:\n  fsdp_sharding_strategy: SHARD_GRAD_OP\n"
    "  fsdp_offload_params: true\n  fsdp_state_dict_type: SHARDED_STATE_DICT\n"
    "  fsdp_reshard_after_forward: FULL_SHARD\n  fsdp_cpu_ram_efficient_loading: false\n",
    "fsdp1-numbers.yaml": "distributed_type: FSDP\nnum_processes: 8\nfsdp_config:\n  fsdp_sharding_strategy: 4\n"
    "  fsdp_state_dict_type: '3'\n  fsdp_offload_params: 'False'\n",
    "fsdp2.yaml": HEAD + "distributed_type: FSDP\nnum_processes: 8\nfsdp_config:\n  fsdp_version: 2\n",
    "fsdp2-short.yaml": "distributed_type: FSDP\nnum_processes: 8\nfsdp_config:\n  version: '2'\n"
    "  offload_params: 'yes'\n"
    "  reshard_after_forward: false\n  state_dict_type: FULL_STATE_DICT\n  cpu_ram_efficient_loading: true\n",
    "zero.yaml": HEAD + "distributed_type: DEEPSPEED\nnum_processes: 4\ndeepspeed_config: {}\n",
    "zero3.yaml": HEAD + "distributed_type: DEEPSPEED\nnum_processes: 4\ndeepspeed_config:\n  zero_stage: 3\n"
    "  offload_param_device: cpu\n  offload_optimizer_device: nvme\n  offload_optimizer_nvme_path: /nvme\n"
    "  zero3_init_flag: false\n",
    "zero2-text.yaml": "distributed_type: DEEPSPEED\nnum_processes: 4\ndeepspeed_config:\n  zero_stage: '1'\n"
    "  offload_param_device: none\n  zero3_init_flag: true\n",
    "flags.yaml": HEAD
    + "distributed_type: FSDP\nnum_processes: 8\nfsdp_config:\n  fsdp_state_dict_type: FULL_STATE_DICT\n",
}
FLAGS = {
    "flags.yaml": ["--num_processes", "2", "--fsdp_state_dict_type", "SHARDED_STATE_DICT", "--mixed_precision", "bf16"]
}


def run_of(name: str, accelerate: str = "1.15.0") -> Run:
    format = Format.JSON if name.endswith(".json") else Format.YAML
    return lowered("accelerate", FILES[name], format, accelerate=accelerate).facts


@pytest.mark.parametrize(
    ("name", "kind", "nodes", "per_node", "processes"),
    [
        ("one.yaml", ParallelKind.SINGLE, 1, 1, 1),
        ("one-without-number.yaml", ParallelKind.SINGLE, 1, 1, 1),
        ("no-without-quotes.yaml", ParallelKind.SINGLE, 1, 1, 1),
        ("ddp.yaml", ParallelKind.DDP, 2, 8, 16),
        ("ddp.json", ParallelKind.DDP, 1, 2, 2),
        ("fsdp.yaml", ParallelKind.FSDP, 1, 8, 8),
        ("zero.yaml", ParallelKind.ZERO, 1, 4, 4),
    ],
)
def test_ranks(name: str, kind: ParallelKind, nodes: int, per_node: int, processes: int) -> None:
    parallel = run_of(name).parallel
    assert parallel.kind.value is kind
    assert (parallel.num_nodes.value, parallel.gpus_per_node.value) == (nodes, per_node)
    assert parallel.num_processes.value == processes
    assert parallel.num_processes.location is not None


@pytest.mark.parametrize("number", ["num_processes: -1", "num_processes: many", "num_machines: 1"])
def test_a_number_that_the_command_must_give(number: str) -> None:
    parallel = lowered("accelerate", f"distributed_type: MULTI_GPU\n{number}\n", Format.YAML).facts.parallel
    assert not parallel.num_processes.known
    assert not parallel.gpus_per_node.known


def test_processes_that_do_not_divide() -> None:
    text = "distributed_type: MULTI_GPU\nnum_processes: 5\nnum_machines: 2\n"
    assert lowered("accelerate", text, Format.YAML).facts.parallel.gpus_per_node.value is UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "compute_environment: AMAZON_SAGEMAKER\ndistributed_type: 'NO'\n",
        "distributed_type: MEGATRON_LM\nnum_processes: 2\n",
        "distributed_type: XLA\nnum_processes: 2\n",
    ],
)
def test_launches_of_other_kinds_are_unknown(text: str) -> None:
    kind = lowered("accelerate", text, Format.YAML).facts.parallel.kind
    assert kind.said
    assert kind.value is UNKNOWN


@pytest.mark.parametrize(
    ("name", "version", "strategy", "offload", "state_dict"),
    [
        ("fsdp.yaml", 1, "FULL_SHARD", OffloadDevice.NONE, StateDictType.FULL),
        ("fsdp1.yaml", 1, "SHARD_GRAD_OP", OffloadDevice.CPU, StateDictType.SHARDED),
        ("fsdp1-numbers.yaml", 1, "HYBRID_SHARD", OffloadDevice.NONE, StateDictType.SHARDED),
        ("fsdp2.yaml", 2, "FULL_SHARD", OffloadDevice.NONE, StateDictType.SHARDED),
        ("fsdp2-short.yaml", 2, "SHARD_GRAD_OP", OffloadDevice.CPU, StateDictType.FULL),
    ],
)
def test_fsdp(name: str, version: int, strategy: str, offload: OffloadDevice, state_dict: StateDictType) -> None:
    run = run_of(name)
    assert run.parallel.fsdp_version.value == version
    assert run.parallel.fsdp_sharding_strategy.value == strategy
    assert run.parallel.offload_param.value is offload
    assert run.saving.state_dict_type.value is state_dict


def test_the_state_dict_stands_at_its_line() -> None:
    place = run_of("fsdp1.yaml").saving.state_dict_type.location
    assert place is not None
    assert FILES["fsdp1.yaml"][place.span.start : place.span.end] == "SHARDED_STATE_DICT"


def test_before_fsdp2_nobody_reads_its_version() -> None:
    run = run_of("fsdp2.yaml", "1.5.2")
    assert run.parallel.fsdp_version.value == 1
    assert run.saving.state_dict_type.value is StateDictType.FULL
    text = FILES["fsdp2.yaml"]
    assert lowered("accelerate", text, Format.YAML).facts.saving.state_dict_type.value is UNKNOWN  # no release known


def test_half_a_file_says_nothing_by_default() -> None:
    text = "distributed_type: FSDP\nfsdp_config:\n  fsdp_version: 1\nmixed_precision: {"
    run = lowered("accelerate", text, Format.YAML, accelerate="1.15.0").facts
    assert run.parallel.fsdp_version.value == 1
    assert run.parallel.kind.value is ParallelKind.FSDP
    assert not run.saving.state_dict_type.said
    assert not run.parallel.num_nodes.said


def test_zero() -> None:
    parallel = run_of("zero3.yaml").parallel
    assert (parallel.zero_stage.value, parallel.zero_init.value) == (3, False)
    assert parallel.offload_param.value is OffloadDevice.CPU
    assert parallel.offload_optimizer.value is OffloadDevice.NVME
    assert run_of("zero.yaml").parallel.zero_stage.value == 2
    assert run_of("zero2-text.yaml").parallel.zero_stage.value == 1


def test_a_file_of_deepspeeds_says_all_of_zero() -> None:
    text = "distributed_type: DEEPSPEED\nnum_processes: 4\ndeepspeed_config:\n  deepspeed_config_file: ds.json\n"
    partial = lowered("accelerate", text, Format.YAML)
    assert [(reference.dialect, reference.fact.value) for reference in partial.references] == [("deepspeed", "ds.json")]
    assert not partial.facts.parallel.zero_stage.said
    assert not partial.starts_run


@pytest.mark.parametrize(
    ("line", "dtype"),
    [
        ("mixed_precision: bf16", DType.BFLOAT16),
        ("mixed_precision: fp16", DType.FLOAT16),
        ("mixed_precision: 'no'", None),
        ("mixed_precision: no", None),
        ("fp16: true", DType.FLOAT16),
    ],
)
def test_precision(line: str, dtype: DType | None) -> None:
    compute = lowered("accelerate", f"distributed_type: 'NO'\n{line}\n", Format.YAML).facts.precision.compute
    assert (compute.value if compute.said else None) is dtype


@pytest.mark.referee
def test_as_accelerate_reads_them(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    pytest.importorskip("deepspeed")
    folder, answers = tmp_path / "files", tmp_path / "answers.json"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    for name, flags in FLAGS.items():
        (folder / name).with_suffix(".flags").write_text(json.dumps(flags), "utf-8")
    referee = Path(__file__).with_name("accelerate_referee.py")
    subprocess.run([sys.executable, str(referee), str(folder), str(answers)], check=True, timeout=300)
    theirs: dict[str, Any] = json.loads(answers.read_text("utf-8"))
    assert {name: _ours(name) for name in FILES} == {
        name: {key: value for key, value in answer.items() if key != "loaded"} for name, answer in theirs.items()
    }


def _ours(name: str) -> dict[str, Any]:
    """Our reading in the referee's words."""
    run = _with_flags(name) if name in FLAGS else run_of(name)
    parallel, compute = run.parallel, run.precision.compute
    words = {DType.BFLOAT16: "bf16", DType.FLOAT16: "fp16"}
    answer: dict[str, Any] = {
        "kind": _word(parallel.kind.value),
        "processes": parallel.num_processes.value,
        "nodes": parallel.num_nodes.value,
        "precision": words[compute.value] if isinstance(compute.value, DType) else "no",
    }
    if parallel.kind.value is ParallelKind.FSDP:
        efficient = parallel.fsdp_cpu_ram_efficient_loading
        answer |= {
            "version": parallel.fsdp_version.value,
            "strategy": parallel.fsdp_sharding_strategy.value,
            "offloads": parallel.offload_param.value is OffloadDevice.CPU,
            "ram_efficient": str(efficient.value).lower() if efficient.said else "true",
            "state_dict": _word(run.saving.state_dict_type.value),
        }
    if parallel.kind.value is ParallelKind.ZERO:
        is_stage_3 = parallel.zero_stage.value == 3
        answer |= {
            "stage": parallel.zero_stage.value,
            "param": _word(parallel.offload_param.value),
            "optimizer": _word(parallel.offload_optimizer.value),
            "zero_init": is_stage_3 and (parallel.zero_init.value is True or not parallel.zero_init.said),
        }
    return answer


def _with_flags(name: str) -> Run:
    """The file under the flags of a command, as a project reads them."""
    from dataclasses import replace

    from ftlint.dialects import accelerate
    from ftlint.dialects.launch_commands import Surroundings, read_launch
    from ftlint.run.versions import Admissible, VersionView
    from ftlint.syntax.document import Source
    from ftlint.syntax.shell import Variables, simple_commands
    from tests.dialects.reading import keys

    text = f"accelerate launch --config_file {name} {' '.join(FLAGS[name])} train.py"
    (words,) = simple_commands(text)
    around = Surroundings(Source(Path("run.sh"), text), Variables((words,), text))
    launch = read_launch(words, lambda word: word == "train.py", around)
    assert launch is not None
    assert launch.flags is not None
    versions = VersionView({"accelerate": Admissible(("1.15.0",), ())})
    in_file = keys("accelerate", FILES[name], Format.YAML, versions)
    return accelerate.lower(replace(in_file, keys={**in_file.keys, **launch.flags.keys}), versions).facts


def _word(value: Any) -> Any:
    return getattr(value, "value", value)


@pytest.mark.parametrize(
    ("line", "kind"), [("tp_size: 4", UNKNOWN), ("cp_size: 2", UNKNOWN), ("tp_size: 1", ParallelKind.FSDP)]
)
def test_ranks_that_share_weights_or_sequences(line: str, kind: object) -> None:
    text = FILES["fsdp2.yaml"] + f"parallelism_config:\n  parallelism_config_{line}\n"
    assert lowered("accelerate", text, Format.YAML).facts.parallel.kind.value is kind
