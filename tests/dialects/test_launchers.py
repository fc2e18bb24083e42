"""How many nodes and processes a launch command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.dialects.launchers import Command, lower
from ftlint.project.launchers import LaunchFiles
from ftlint.project.workspace import Workspace
from ftlint.run.fact import UNKNOWN
from ftlint.run.run import ParallelFacts
from ftlint.syntax.document import Source


def source(text: str) -> Source:
    return Source(Path("run.sh"), text)


def lowered(text: str, filename: str = "train.py") -> ParallelFacts | None:
    def names(command: Command) -> bool:
        return bool(command.paths(filename))

    run = lower(source(text), names)
    return run.parallel if run is not None else None


@pytest.mark.parametrize(
    ("text", "nodes", "gpus"),
    [
        ("torchrun --nnodes 4 --nproc_per_node 8 train.py\n", 4, 8),
        ("torchrun --nnodes=4 --nproc-per-node=8 train.py\n", 4, 8),
        ("accelerate launch --num_machines 2 train.py\n", 2, None),
        ("deepspeed --num_nodes 2 --num_gpus 8 train.py\n", 2, 8),
        ("FORCE_TORCHRUN=1 NNODES=2 NODE_RANK=0 llamafactory-cli train a.yaml\n", 2, None),
        (
            "#SBATCH --nodes=4\n#SBATCH --gpus-per-node=8\nsrun torchrun --nnodes $SLURM_NNODES train.py\n",
            4,
            8,
        ),
        ("#SBATCH -N 3\nsrun python train.py\n", 3, None),
        ('NNODES=4\ntorchrun --nnodes "$NNODES" train.py\n', 4, None),
        ("torchrun --nproc_per_node 8 train.py\n", None, 8),
        ("# torchrun --nnodes 16 train.py\npython train.py\n", None, None),
    ],
)
def test_numbers(text: str, nodes: int | None, gpus: int | None) -> None:
    parallel = lowered(text, "a.yaml" if "a.yaml" in text else "train.py")
    assert parallel is not None
    assert (parallel.num_nodes.value if parallel.num_nodes.said else None) == nodes
    assert (parallel.gpus_per_node.value if parallel.gpus_per_node.said else None) == gpus


@pytest.mark.parametrize(
    "text",
    [
        "torchrun --nnodes $N train.py\n",
        "torchrun --nnodes 1:4 train.py\n",
        "torchrun --nnodes 2 train.py --first\ntorchrun --nnodes 4 train.py\n",
        'RUN="torchrun --nnodes $N"\n$RUN train.py\n',
        "accelerate launch --config_file multi.yaml train.py\n",
        "deepspeed --hostfile hosts train.py\n",
    ],
)
def test_what_cannot_be_seen_is_unknown(text: str) -> None:
    parallel = lowered(text)
    assert parallel is not None
    assert parallel.num_nodes.said
    assert parallel.num_nodes.value is UNKNOWN


def test_a_command_that_launches_something_else_says_nothing() -> None:
    parallel = lowered("torchrun --nnodes 8 other.py\npython train.py\n")
    assert parallel is not None
    assert not parallel.num_nodes.said


def test_a_command_over_several_lines_keeps_its_places() -> None:
    text = "torchrun \\\n  --nnodes 4 \\\n  train.py --lr 1e-5\n"
    parallel = lowered(text)
    assert parallel is not None
    assert parallel.num_nodes.value == 4
    place = parallel.num_nodes.location
    assert place is not None
    assert text[place.span.start : place.span.end] == "4"


@pytest.mark.parametrize("text", ["python pretrain.py\n", "# python train.py\n", "python train.py.bak\n"])
def test_which_file_is_launched(text: str) -> None:
    assert lowered(text) is None


@pytest.mark.parametrize(
    ("command", "launched"),
    [
        ("x/train.py", {"x"}),
        ("train.py", {"x"}),  # the script stands beside it
        ("./train.py", {"x"}),
        ("$HERE/train.py", {"x", "y"}),
        ("../y/train.py", {"y"}),
    ],
)
def test_one_of_two_files_of_the_same_name(tmp_path: Path, command: str, launched: set[str]) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text("", "utf-8")
    (tmp_path / "x" / "run.sh").write_text(f"torchrun --nnodes 2 {command}\n", "utf-8")
    files = LaunchFiles(tmp_path, Workspace(tmp_path))
    nodes = {name: files.run_of(tmp_path / name / "train.py").parallel.num_nodes for name in ("x", "y")}
    assert {name for name, fact in nodes.items() if fact.said} == launched
    assert all(fact.known is ("$" not in command) for fact in nodes.values() if fact.said)
