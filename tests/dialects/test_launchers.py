"""How many nodes and processes a launch command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlint.dialects.launchers import launches, lower
from ftlint.run.fact import UNKNOWN
from ftlint.syntax.document import Source


def source(text: str) -> Source:
    return Source(Path("run.sh"), text)


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
    parallel = lower(source(text)).parallel
    assert (parallel.num_nodes.value if parallel.num_nodes.said else None) == nodes
    assert (parallel.gpus_per_node.value if parallel.gpus_per_node.said else None) == gpus


@pytest.mark.parametrize(
    "text",
    [
        "torchrun --nnodes $N train.py\n",
        "torchrun --nnodes 1:4 train.py\n",
        "torchrun --nnodes 2 a.py\ntorchrun --nnodes 4 train.py\n",
        "accelerate launch --config_file multi.yaml train.py\n",
        "deepspeed --hostfile hosts train.py\n",
    ],
)
def test_what_cannot_be_seen_is_unknown(text: str) -> None:
    nodes = lower(source(text)).parallel.num_nodes
    assert nodes.said
    assert nodes.value is UNKNOWN


def test_which_file_is_launched() -> None:
    assert launches(source("python train.py --x\n"), "train.py")
    assert not launches(source("python pretrain.py\n"), "train.py")
    assert not launches(source("# python train.py\n"), "train.py")
