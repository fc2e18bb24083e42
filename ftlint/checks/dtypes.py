"""Which dtype a script's words stand for, once the release and the checkpoint are known."""

from __future__ import annotations

from ftlint.knowledge.models import find_model
from ftlint.run.dtype import DType, parse_dtype
from ftlint.run.fact import UNKNOWN, Unknown
from ftlint.run.versions import VersionView
from ftlint.trace import Loaded


def dtype_behind(term: DType | Loaded | Unknown, versions: VersionView) -> DType | Unknown:
    """The dtype behind a term: what `from_pretrained` picks depends on the release and on the checkpoint."""
    if not isinstance(term, Loaded):
        return term
    if not term.auto:
        default = versions.behaviour("from_pretrained_default_dtype").value
        if default == "float32":
            return DType.FLOAT32
        if default != "checkpoint":
            return UNKNOWN
    model = find_model(term.model_id) if term.model_id is not None else None
    if model is None or model.quantization is not None or model.checkpoint_dtype is None:
        return UNKNOWN
    return parse_dtype(model.checkpoint_dtype) or UNKNOWN
