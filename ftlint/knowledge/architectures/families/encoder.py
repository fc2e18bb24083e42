"""Parts that the encoder families share: BERT's layer, and heads for masked language models and classification."""

from __future__ import annotations

from ftlint.knowledge.architectures.architecture import Architecture, ModelClass
from ftlint.knowledge.architectures.family import Question
from ftlint.knowledge.architectures.tensors import (
    ParameterTable,
    ParameterTensor,
    Role,
    Section,
    Tensors,
    TiedTensor,
    join,
    linear,
    norm,
    scoped,
    single,
)
from ftlint.record import record


def dense_and_norm(dense: str, layer_norm: str, in_features: int, out_features: int) -> Tensors:
    """A linear layer with bias, then a LayerNorm over what it gives."""
    return join(linear(dense, in_features, out_features, bias=True), norm(layer_norm, out_features, bias=True))


def encoder_layer(architecture: Architecture, attention: tuple[str, str, str]) -> Tensors:
    """One layer of BERT, RoBERTa or DeBERTa; `attention`: what the model calls query, key and value projection."""
    hidden_size, width = architecture.hidden_size, architecture.intermediate_size
    return join(
        scoped("attention.self", *(linear(name, hidden_size, hidden_size, bias=True) for name in attention)),
        scoped("attention.output", dense_and_norm("dense", "LayerNorm", hidden_size, hidden_size)),
        linear("intermediate.dense", hidden_size, width, bias=True),
        scoped("output", dense_and_norm("dense", "LayerNorm", width, hidden_size)),
    )


@record
class MaskedHead:
    """A head that predicts tokens: a bias of its own, a transform, and a decoder tied to the word embeddings."""

    name: str
    transform: str
    layer_norm: str

    def tensors(self, architecture: Architecture) -> Tensors:
        """What the head holds itself."""
        hidden_size = architecture.hidden_size
        return scoped(
            self.name,
            (ParameterTensor("bias", (architecture.vocab_size,), Role.BIAS),),
            dense_and_norm(self.transform, self.layer_norm, hidden_size, hidden_size),
        )

    def table(self, architecture: Architecture, inner: tuple[Section, ...], embedding: str) -> ParameterTable | None:
        """The model with this head; None where embeddings are not tied, which no released encoder has."""
        if not architecture.tie_word_embeddings:
            return None
        name, hidden_size = f"{self.name}.decoder", architecture.hidden_size
        decoder = linear(name, hidden_size, architecture.vocab_size, bias=True, role=Role.HEAD)
        owners = (embedding, f"{self.name}.bias")
        tied = tuple(TiedTensor(tensor, owner) for tensor, owner in zip(decoder, owners, strict=True))
        return ParameterTable((*inner, single(self.tensors(architecture))), tied)


def classifier(architecture: Architecture, question: Question, name: str = "classifier") -> Tensors:
    """The last linear layer of a classification head."""
    return linear(name, architecture.hidden_size, question.num_labels, bias=True, role=Role.HEAD)


LANGUAGE_MODELS = (ModelClass.MASKED_LM, ModelClass.CAUSAL_LM)
