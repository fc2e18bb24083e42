"""What checks of an estimate share: when it may be held against a run, where a finding stands, what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ftlint.checks.amounts import gigabytes, tenths_of_gigabytes
from ftlint.findings import Related
from ftlint.memory import Estimate, Term
from ftlint.run.fact import Fact
from ftlint.run.run import Run
from ftlint.spans import Location

MOST_TERMS = 6
LEAST_BYTES = 10**8
"""Smaller terms are left out of what a term list says."""

OF_GPU = {
    "hardware.gpu": "the GPU",
    "parallel.gpus_per_node": "GPUs per node",
    "batch.micro_batch": "sequences per GPU",
    "batch.sequence_length_tokens": "tokens per sequence",
    "training.optimizer": "optimizer",
}
"""Facts behind a figure of one GPU, and what a related line calls them."""


def are_ranks_said(run: Run, estimate: Estimate) -> bool:
    """Whether it is said over how many GPUs, and how, the run is spread.

    A script that says no kind of parallelism may spread its model by a `device_map`; one that reads a TRL recipe is
    started by `accelerate launch`, which may be told elsewhere how to shard.
    """
    return estimate.is_rank_count_known and (run.parallel.kind.known or is_settings_file(run))


def is_settings_file(run: Run) -> bool:
    """Whether a framework reads the run from a data file: then nothing but what is written shares out its states."""
    return run.root is None


def may_be_sharded(run: Run) -> bool:
    """Whether a launch that is not seen may share out the states though no setting does.

    `accelerate launch` with a file of its own starts LLaMA-Factory's and Axolotl's settings too, and brings its FSDP or
    DeepSpeed along; on one GPU there is nobody to share with.
    """
    parallel = run.parallel
    is_alone = (
        parallel.gpus_per_node.known and parallel.gpus_per_node.value == 1 and parallel.num_nodes.or_default(1) == 1
    )
    return not parallel.kind.said and not is_alone


def first_place(run: Run, names: Iterable[str]) -> Location | None:
    """Where the first of these facts is written, else where the run begins."""
    facts: list[Fact[object] | None] = [run.fact(name) for name in names]
    locations = [fact.location for fact in facts if fact is not None]
    return next((location for location in (*locations, run.root) if location is not None), None)


def facts_read(estimate: Estimate, labels: Mapping[str, str], place: Location) -> Iterator[Related]:
    """A line for each of these facts that is written, and not where the finding stands."""
    seen = {place}
    for name, label in labels.items():
        fact = estimate.facts.get(name)
        location = fact.location if fact is not None else None
        if fact is None or location is None or location in seen or not fact.known:
            continue
        seen.add(location)
        yield Related(location, f"{label} {_shown(name, fact.value)}")


def _shown(name: str, value: object) -> str:
    """A fact's value in a related line: GPUs by their name, choices by their word, RAM in GB."""
    if name == "hardware.host_ram_bytes" and isinstance(value, int):
        return gigabytes(value)
    if isinstance(value, bool):
        return str(value).lower()  # as JSON and YAML write it
    return str(getattr(value, "value", getattr(value, "name", value)))


def expected(term: Term) -> int:
    """What is believed of a term, in bytes."""
    return term.size.expected_bytes


def terms_in_words(terms: Sequence[Term], size_bytes: Callable[[Term], int] = expected) -> str:
    """Those that matter, largest first: `optimizer states 58.6 GB, …`."""
    largest = sorted((term for term in terms if size_bytes(term) >= LEAST_BYTES), key=lambda term: -size_bytes(term))
    return ", ".join(f"{term.name} {tenths_of_gigabytes(size_bytes(term))}" for term in largest[:MOST_TERMS])
