"""How many processes one launch command starts, and which launcher it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.dialects.launch_commands import Launch, Surroundings, read_launch
from ftlint.run.fact import UNKNOWN, Fact
from ftlint.run.run import ParallelFacts
from ftlint.spans import How, Origin
from ftlint.syntax.document import Source
from ftlint.syntax.shell import Variables, simple_commands

SETTINGS: Fact[int] = Fact(8, (Origin(How.WRITTEN, None, "settings"),))


def launch(text: str, gpus_of_node: Fact[int] | None = None, target: str = "train.py") -> Launch | None:
    commands = list(simple_commands(text))
    variables = Variables(commands, text)
    around = Surroundings(Source(Path("run.sh"), text), variables, gpus_of_node=gpus_of_node or Fact(UNKNOWN))

    def leads_to(word: str) -> bool:
        return word == target or word.endswith(f"/{target}")

    found = [read_launch(variables.expanded(words), leads_to, around) for words in commands]
    launches = [item for item in found if item is not None]
    assert len(launches) < 2
    return launches[0] if launches else None


def parallel(text: str, gpus_of_node: Fact[int] | None = None) -> ParallelFacts:
    found = launch(text, gpus_of_node)
    assert found is not None
    return found.parallel


@pytest.mark.parametrize(
    ("command", "launcher", "processes"),
    [
        ("python train.py --x 8", "python", 1),
        ("python3.11 -u src/train.py", "python", 1),
        ("CUDA_VISIBLE_DEVICES=0,1 nohup python train.py > log 2>&1 &", "python", 1),
        ("uv run --with trl python train.py", "python", 1),
        ("./train.py", "python", 1),
        ("torchrun train.py", "torchrun", 1),
        ("torchrun --nproc_per_node 4 train.py", "torchrun", 4),
        ("torchrun --standalone --nproc-per-node=4 train.py --nproc_per_node 9", "torchrun", 4),
        ("torchrun --nnodes 2 --nproc_per_node 4 --rdzv_backend c10d train.py", "torchrun", 8),
        ("python -m torch.distributed.run --nproc_per_node=4 train.py", "torchrun", 4),
        ("python -m torch.distributed.launch --use_env --nproc_per_node=4 train.py", "torchrun", 4),
        ("CUDA_VISIBLE_DEVICES=0,3 torchrun --nproc_per_node gpu train.py", "torchrun", 2),
        ("srun --nodes 2 torchrun --nnodes 2 --nproc_per_node 4 train.py", "torchrun", 8),
        ("deepspeed --num_gpus 4 train.py --deepspeed ds.json", "deepspeed", 4),
        ("deepspeed --num_gpus=4 --num_nodes=2 train.py", "deepspeed", 8),
        ("deepspeed --include localhost:0,1,5 train.py", "deepspeed", 3),
        ("deepspeed --include 'a:0,1@b:0' train.py", "deepspeed", 3),
        ("CUDA_VISIBLE_DEVICES=0,1 deepspeed train.py", "deepspeed", 2),
        ("N=4\ntorchrun --nproc_per_node $N train.py", "torchrun", 4),
        ('L="torchrun --nproc_per_node 4"\n$L train.py', "torchrun", 4),
        ("srun --ntasks 16 python train.py", "python", 16),
        ("mpirun -np 4 python train.py", "python", 4),
        ("time sudo torchrun --nproc_per_node 4 train.py | tee log", "torchrun", 4),
    ],
)
def test_processes(command: str, launcher: str, processes: int) -> None:
    found = parallel(command)
    assert (found.launcher.value, found.num_processes.value) == (launcher, processes)


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("CUDA_VISIBLE_DEVICES=0 python train.py", 1),
        ("CUDA_VISIBLE_DEVICES=0,3 accelerate launch --num_processes 2 train.py", 2),
        ("CUDA_VISIBLE_DEVICES=$1 python train.py", UNKNOWN),
        ("python train.py", None),
    ],
)
def test_visible_gpus(command: str, count: object) -> None:
    found = parallel(command).num_visible_gpus
    assert (found.value if found.said else None) == count


@pytest.mark.parametrize("launcher", ["python", "torchrun --nproc_per_node 4", "accelerate launch --num_processes 4"])
def test_the_check_of_device_maps_is_turned_off(launcher: str) -> None:
    assert parallel(f"ACCELERATE_BYPASS_DEVICE_MAP=true {launcher} train.py").checks_device_map.said
    assert not parallel(f"{launcher} train.py").checks_device_map.said


@pytest.mark.parametrize(
    "command",
    [
        "torchrun --nproc_per_node $N train.py",
        "torchrun --nproc_per_node gpu train.py",
        "torchrun --nproc_per_node 8 --nnodes 1:4 train.py",
        "torchrun --nproc_per_node 8 --nnodes $SLURM_NNODES train.py",
        "torchrun $ARGS train.py",
        'torchrun "${ARGS[@]}" train.py',
        "deepspeed train.py",
        "deepspeed --hostfile hosts --num_gpus 8 train.py",
        "deepspeed --include localhost train.py",
        "deepspeed --exclude localhost:0 train.py",
        "srun python train.py",
        "accelerate launch train.py",
        "accelerate launch --config_file a.yaml train.py",
        "$LAUNCHER train.py",
        "bash train.py",
        "python launch.py train.py",
        "ray job submit -- python train.py",
    ],
)
def test_what_cannot_be_seen_is_unknown(command: str) -> None:
    found = parallel(command).num_processes
    assert found.said
    assert found.value is UNKNOWN


@pytest.mark.parametrize(
    "command",
    [
        "python pretrain.py",
        "cp train.py elsewhere/",
        "git add train.py",
        'echo "torchrun train.py"',
        "# python train.py",
        "sed -i s/a/b/ train.py",
        "X=train.py",
    ],
)
def test_commands_that_launch_nothing(command: str) -> None:
    assert launch(command) is None


@pytest.mark.parametrize("command", ["deepspeed train.py", "torchrun --nproc_per_node auto train.py"])
def test_all_gpus_are_those_of_the_settings(command: str) -> None:
    found = parallel(command, SETTINGS).num_processes
    assert found.value == 8
    assert found.location is not None
    assert SETTINGS.origins[0] in found.origins


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("torchrun --nnodes 2 --nproc_per_node 4 train.py", "4"),
        ("torchrun train.py", "torchrun"),
        ("python train.py", "python"),
        ("N=16\ntorchrun --nproc_per_node $N train.py", "16"),
        ("deepspeed --include localhost:0,1 train.py", "localhost:0,1"),
    ],
)
def test_where_the_number_is_written(text: str, place: str) -> None:
    location = parallel(text).num_processes.location
    assert location is not None
    assert text[location.span.start : location.span.end] == place


def test_accelerates_flags_are_keys_of_its_file() -> None:
    found = launch(
        "accelerate launch --config_file=conf.yaml --num-processes 4 --mixed_precision bf16 --use_fsdp "
        "--fsdp_state_dict_type FULL_STATE_DICT --zero_stage=3 train.py --num_processes 9"
    )
    assert found is not None
    assert found.flags is not None
    assert found.config_file.value == "conf.yaml"
    assert {key.dotted: key.fact.value for key in found.flags} == {
        "num_processes": 4,
        "mixed_precision": "bf16",
        "distributed_type": "FSDP",
        "fsdp_config.fsdp_state_dict_type": "FULL_STATE_DICT",
        "deepspeed_config.zero_stage": "3",
    }
    assert [word.text for word in found.arguments] == ["--num_processes", "9"]


def test_a_variable_that_may_hold_any_flag_hides_all() -> None:
    found = launch("accelerate launch --num_processes 4 --config_file c.yaml $EXTRA train.py")
    assert found is not None
    assert found.flags is not None
    assert not list(found.flags)
    assert not found.config_file.said


def test_accelerates_variables_leave_the_kind_open() -> None:
    assert parallel("ACCELERATE_USE_FSDP=1 torchrun --nproc_per_node 2 train.py").kind.said
    assert not parallel("torchrun --nproc_per_node 2 train.py").kind.said


@pytest.mark.parametrize(
    ("command", "processes"),
    [
        ("python src/train.py a.yaml", 1),
        ("torchrun --nproc_per_node 4 src/train.py a.yaml", 4),
        ("FORCE_TORCHRUN=1 NNODES=2 NPROC_PER_NODE=4 llamafactory-cli train a.yaml", 8),
        ("llamafactory-cli train a.yaml", None),
        ("llamafactory-cli export a.yaml", None),
        ("python merge.py a.yaml", None),
    ],
)
def test_a_run_that_begins_in_a_configuration_file(command: str, processes: int | None) -> None:
    found = launch(command, target="a.yaml")
    assert found is not None
    number = found.parallel.num_processes
    assert (number.value if number.known else None) == processes


def test_a_module_is_a_file() -> None:
    found = launch("torchrun --nproc_per_node 2 -m src.train", target="src/train.py")
    assert found is not None
    assert found.parallel.num_processes.value == 2
