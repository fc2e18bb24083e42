"""Which conditions let rank 0 alone through."""

from __future__ import annotations

import ast

import pytest

from ftlint.run.fact import Truth
from ftlint.trace.ranks import lets_rank_zero_through, names_a_rank


@pytest.mark.parametrize(
    "condition",
    [
        "rank == 0",
        "0 == rank",
        "not rank",
        "args.local_rank == 0",
        "dist.get_rank() == 0",
        'int(os.environ["RANK"]) == 0',
        'int(os.environ.get("LOCAL_RANK", 0)) == 0',
        'os.environ["RANK"] == "0"',
        "rank in (0, -1)",
        "local_rank in [-1, 0]",
        "accelerator.is_main_process",
        "accelerator.is_local_main_process and step % 100 == 0",
        "trainer.is_world_process_zero()",
        "is_main()",
        "self.master_process",
        "is_rank_0()",
        "not dist.is_initialized() or dist.get_rank() == 0",
        "not (rank != 0)",
        "training_args.process_index == 0",
    ],
)
def test_only_rank_zero(condition: str) -> None:
    assert lets_rank_zero_through(ast.parse(condition, mode="eval").body) is Truth.YES


@pytest.mark.parametrize(
    "condition",
    [
        "rank != 0",
        "rank > 0",
        "rank",
        "not accelerator.is_main_process",
        "local_rank not in (-1, 0)",
        "rank != 0 or skip",
    ],
)
def test_all_but_rank_zero(condition: str) -> None:
    assert lets_rank_zero_through(ast.parse(condition, mode="eval").body) is Truth.NO


@pytest.mark.parametrize(
    "condition",
    [
        "rank == 1",
        "rank in (0, 1)",
        "step == 0",
        "lora_r == 0",
        "args.save",
        "dist.is_initialized()",
        "main_input",
        "rank == 0 or args.save_all",
        "world_size == 1",
        "is_distributed and args.rank >= 0",
        "ranking == 0",
        "lora_rank == 0",
        "not args.lora_rank",
        "f(rank)[0] == 0",
    ],
)
def test_other_conditions(condition: str) -> None:
    assert lets_rank_zero_through(ast.parse(condition, mode="eval").body) is Truth.UNKNOWN


def test_names_of_ranks() -> None:
    named = [names_a_rank(ast.parse(text, mode="eval").body) for text in ("rank", "dist.get_rank()", "args.lora_rank")]
    assert named == [True, True, False]
    assert not names_a_rank(ast.parse("ranked", mode="eval").body)
