"""What a family of architectures has to say: how to read its config.json, and what modules its models consist of."""

from __future__ import annotations

from collections.abc import Callable

from ftlint.knowledge.architectures.architecture import Architecture, Layout, ModelClass
from ftlint.knowledge.architectures.reading import ConfigReader
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    ParameterTensor,
    Role,
    Section,
    TiedTensor,
    linear,
    single,
)
from ftlint.record import record


@record
class Question:
    """Which model of an architecture is asked for."""

    model_class: ModelClass
    num_labels: int
    layout: Layout


@record
class Family:
    """How one model type is read, and how its parameter table is built."""

    read: Callable[[ConfigReader], Architecture]
    build: Callable[[Architecture, Question], ParameterTable | None]
    """The parameter table; None for a class that this family does not have, or that we cannot list exactly."""


@record
class DecoderHeads:
    """How a decoder-only family names the parts around its body."""

    body: str = "model"
    """Name of the body inside the classes with a head (`base_model_prefix`)."""
    embedding: str = "embed_tokens.weight"
    lm_head: str = "lm_head"
    has_lm_head_bias: bool = False
    sequence_head: str = "score"
    token_head: str = "score"

    def build(self, architecture: Architecture, question: Question, body: tuple[Section, ...]) -> ParameterTable | None:
        """The body alone, or inside the class asked for, with that class's head behind it."""
        if question.model_class is ModelClass.MODEL:
            return ParameterTable(body)
        inner = tuple(section.under(self.body) for section in body)
        hidden_size = architecture.hidden_size
        if question.model_class in (ModelClass.CAUSAL_LM, ModelClass.IMAGE_TEXT_TO_TEXT):
            return self._causal_lm(architecture, inner)
        if question.model_class is ModelClass.SEQUENCE_CLASSIFICATION:
            head = linear(self.sequence_head, hidden_size, question.num_labels, role=Role.HEAD)
        elif question.model_class is ModelClass.TOKEN_CLASSIFICATION:
            head = linear(self.token_head, hidden_size, question.num_labels, bias=True, role=Role.HEAD)
        else:
            return None
        return ParameterTable((*inner, single(head)))

    def _causal_lm(self, architecture: Architecture, inner: tuple[Section, ...]) -> ParameterTable:
        hidden_size, vocab_size = architecture.hidden_size, architecture.vocab_size
        head = linear(self.lm_head, hidden_size, vocab_size, bias=self.has_lm_head_bias, role=Role.HEAD)
        if not architecture.tie_word_embeddings:
            return ParameterTable((*inner, single(head)))
        return tie(inner, head, f"{self.body}.{self.embedding}")


def tie(inner: tuple[Section, ...], head: tuple[ParameterTensor, ...], embedding: str) -> ParameterTable:
    """A table whose head shares its weight with the embedding; a bias of the head stays a tensor of its own."""
    weight, *rest = head
    sections = (*inner, single(tuple(rest))) if rest else inner
    return ParameterTable(sections, tied=(TiedTensor(weight, owner=embedding),))
