"""The tensors that decide where in backward a run is largest: when each gradient appears, and what is used whole."""

from __future__ import annotations

from ftlint.knowledge.architectures import ParameterTable, Role, Section
from ftlint.record import record


@record
class Landmarks:
    """Numbers of elements; 0 where there is no such tensor, or where the model is known by totals only.

    Gradients: of the output layer `head`, which comes first, of a decoder `layer` at most, of that layer's largest
    `projection`, and of the input `embedding`, which comes last; 0 for a tied one, which is the output layer's.
    Weights: `tied`, if the embedding is trained as output layer too; `matrices`, all that autocast casts where they are
    used; the largest `quantized` one, which is unpacked where it is used; the largest `adapted` one.
    """

    head: int = 0
    layer: int = 0
    projection: int = 0
    embedding: int = 0
    tied: int = 0
    matrices: int = 0
    quantized: int = 0
    adapted: int = 0


_MATRICES = (Role.LINEAR, Role.CONV1D, Role.HEAD, Role.EXPERT)
_LINEAR = (Role.LINEAR, Role.CONV1D)


def find_landmarks(
    table: ParameterTable, trained: frozenset[str], num_adapter_params: int, *, is_quantized: bool
) -> Landmarks:
    """The landmarks of a model of whose tensors those named are trained, and that many elements of adapters beside.

    Of a multimodal model they are those of its language model: what reads images goes backward when it is through.
    """
    layers = [section for section in table.sections if section.is_row]
    num_layers = sum(section.num_copies for section in layers)
    outside = [
        (next(section.prefixes()) + tensor.name, tensor)
        for section in table.sections
        if section.first_index is None and not section.reads_images
        for tensor in section.tensors
    ]
    embeddings = [(name, t.num_params) for name, t in outside if t.role is Role.EMBEDDING and name in trained]
    owners = {tied.owner for tied in table.tied if tied.tensor.role is Role.HEAD}
    tied = sum(size for name, size in embeddings if name in owners)
    heads = sum(t.num_params for name, t in outside if t.role is Role.HEAD and name in trained)
    per_layer = [_of_layer(section, trained) for section in layers]
    matrices = sum(s.num_copies * t.num_params for s in table.sections for t in s.tensors if t.role in _MATRICES)
    linear = max((t.num_params for s in table.sections for t in s.tensors if t.role in _LINEAR), default=0)
    return Landmarks(
        head=heads + tied,
        layer=max((layer for layer, _ in per_layer), default=0) + num_adapter_params // max(1, num_layers),
        projection=max((projection for _, projection in per_layer), default=0),
        embedding=sum(size for _, size in embeddings) - tied,
        tied=tied,
        matrices=matrices + sum(t.tensor.num_params for t in table.tied if t.tensor.role is Role.HEAD),
        quantized=linear if is_quantized else 0,
        adapted=linear if num_adapter_params else 0,
    )


def _of_layer(section: Section, trained: frozenset[str]) -> tuple[int, int]:
    """Trained elements of a layer of that section, and of its largest matrix: of the one that has most."""
    found = (
        [[t for t in section.tensors if prefix + t.name in trained] for prefix in section.prefixes()]
        if trained
        else [[]]
    )
    whole = max(found, key=lambda tensors: sum(t.num_params for t in tensors))
    return sum(t.num_params for t in whole), max((t.num_params for t in whole if t.role in _MATRICES), default=0)
