"""Sequences that are longer than the model has positions for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ftlint.findings import Match, Related, Severity
from ftlint.knowledge.architectures import Architecture, parameter_table
from ftlint.memory.blocks import Rotary, find_block
from ftlint.run.fact import Unknown
from ftlint.run.key import Key
from ftlint.run.run import Run
from ftlint.spans import Location
from ftlint.syntax.document import DataDocument, DataNode
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import TooManyNodesError, plain_value

CLASSES = ("AutoModelForCausalLM", "AutoModelForSequenceClassification")
LEARNED = ("wpe.weight", "embed_positions.weight", "embeddings.position_embeddings.weight")
"""How text models name the embedding of absolute positions; a picture's towers have others."""

TABULATED = ("codegen", "gptj", "mpt")
"""Models with a table of so many positions that is no parameter. Source: transformers 5.23, run with 16 positions."""


class Project(Protocol):
    """What this check asks of the project."""

    def keys_at(self, location: Location) -> tuple[DataDocument, Key] | None:
        """The document and the key there; None where no data file's setting stands."""

    def data_document(self, path: Path) -> DataDocument | None:
        """The data document of that path; None where there is none that can be read."""


def beyond_positions(run: Run, project: Project) -> Iterator[Match]:
    """A length that is written and beyond the positions of the model.

    Silent for a default length, for models whose positions have no end (BLOOM, T5), where a word on scaling rotary
    positions stands beside the length or in the model's config.json, and where each sequence of a pack has positions of
    its own, whose number nobody says. A script may scale them anywhere.
    """
    length, architecture = run.batch.sequence_length_tokens, run.model.architecture.value
    place = length.location  # a default has none
    if isinstance(architecture, Unknown) or not isinstance(length.value, int) or place is None:
        return
    if run.batch.restarts_positions.said and run.batch.restarts_positions.value is not False:
        return
    positions = architecture.max_position_embeddings
    if positions is None or length.value <= positions:
        return
    found = project.keys_at(place)
    if _has_rows(architecture):
        is_sure = run.batch.is_filled.value is True and found is not None
        severity = Severity.ERROR if is_sure else Severity.WARNING
        outcome = f"the first sequence beyond {positions} stops the run"
        reason = "" if is_sure else "if a sequence is that long"
    elif _is_rotary(architecture) and found is not None and not _is_scaled(run, found[0], project):
        severity, reason = Severity.WARNING, ""
        outcome = "it has seen none of the positions after that, and no scaling is set"
    else:
        return
    model = run.model.id.or_default("the model")
    at_model = run.model.id.location
    yield Match(
        at=place,
        values={"length": str(length.value), "positions": str(positions), "model": str(model), "outcome": outcome},
        related=() if at_model is None or at_model == place else (Related(at_model, f"{positions} positions"),),
        severity=severity,
        reason=reason,
    )


def _has_rows(architecture: Architecture) -> bool:
    """Whether a weight, or a table, has a row for each position."""
    if architecture.model_type in TABULATED:
        return True
    tables = (parameter_table(architecture, name) for name in CLASSES)
    table = next((table for table in tables if table is not None), None)
    if table is None:
        return False
    sections = (section for section in table.sections if not section.reads_images)
    return any(tensor.name.endswith(LEARNED) for section in sections for tensor in section.tensors)


def _is_rotary(architecture: Architecture) -> bool:
    block = find_block(architecture)
    return block is not None and block.rotary is not Rotary.NONE


def _is_scaled(run: Run, document: DataDocument, project: Project) -> bool:
    """Whether anything is said of rotary positions, in the run's file or in the model's own; also what is not read."""
    if any(_speaks_of_rope(root) for root in document.roots[:1]):
        return True
    for origin in run.model.architecture.origins:
        path = origin.location.path if origin.location is not None else None
        if path is None or path.name != "config.json":
            continue
        config = project.data_document(path)
        if config is None or _speaks_of_rope(config.roots[0] if config.roots else None):
            return True
    return False


def _speaks_of_rope(root: DataNode | None) -> bool:
    if root is None:
        return False
    try:
        return _mentions(plain_value(root, ScalarRules.PYYAML))
    except TooManyNodesError:
        return True  # whatever it says


def _mentions(data: object) -> bool:
    if isinstance(data, Mapping):
        return any(_is_scaling(name, value) or _mentions(value) for name, value in data.items())
    return isinstance(data, list) and any(_mentions(item) for item in data)


def _is_scaling(name: object, value: object) -> bool:
    """`rope_scaling: null` and transformers 5's `rope_parameters` of type "default" scale nothing.

    LLaMA-Factory's `shift_attn` and unsloth scale by themselves.
    """
    if name not in ("rope_scaling", "rope_parameters", "shift_attn", "use_unsloth", "model_max_length"):
        return False
    if isinstance(value, Mapping):
        return bool(value.get("rope_type", value.get("type")) != "default")
    return value not in (None, False, "none", "")
