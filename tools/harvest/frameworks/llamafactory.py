"""LLaMA-Factory: the keys of its YAML files, for training, for inference and for evaluation.

A file's top level is the union of dataclasses that the command's parser is made of; it knows no other key, unless the
environment says ALLOW_EXTRA_ARGS.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.harvest.frameworks import Framework
from tools.harvest.histories import Snapshot
from tools.harvest.packages import Plan, Source
from tools.harvest.python_source import ClassRef, External, Modules, Shapes
from tools.harvest.python_source.checks import apply
from tools.harvest.python_source.levels import Behaviour, Levels

PARSER = "llamafactory.hparams.parser"
# Commands: train; chat, webchat, api and export; eval.
FILES = {"train": "_TRAIN_ARGS", "infer": "_INFER_ARGS", "eval": "_EVAL_ARGS"}
PARSED = Behaviour("unchecked", "error")
ELSEWHERE = "Seq2SeqTrainingArguments"
"""transformers' class; the other package that may stand in its place (USE_MCA) has one of the same name."""


class _Release:
    """One release, read."""

    def __init__(self, source: Source) -> None:
        self.modules = Modules(source)
        self.shapes = Shapes(self.modules)
        self.levels = Levels(self.shapes, self._above)

    def _above(self, base: ClassRef | External) -> str | None:
        is_elsewhere = isinstance(base, External) and base.dotted.rpartition(".")[2] == ELSEWHERE
        return f"transformers.json#/$defs/{ELSEWHERE}" if is_elsewhere else None

    def all_levels(self) -> Iterator[tuple[str, dict[str, object]]]:
        parser = self.modules.get(PARSER)
        assert parser is not None, f"no {PARSER}"
        roots: dict[str, dict[str, object]] = {}
        parts: dict[str, ClassRef] = {}
        for name, constant in FILES.items():
            listed = parser.names.get(constant)
            assert isinstance(listed, ast.Assign)
            assert isinstance(listed.value, ast.List)
            targets: list[str] = []
            for node in listed.value.elts:
                part = self.modules.resolve(node, parser)
                assert isinstance(part, (ClassRef, External)), ast.unparse(node)
                # Up to 0.9.0 transformers' own arguments stand there.
                targets.append(self._above(part) or f"#/$defs/{part.dotted.rpartition('.')[2]}")
                if isinstance(part, ClassRef):
                    parts[part.name] = part
            roots[name] = {
                **PARSED.keywords(),
                "allOf": [{"$ref": target} for target in targets],
                "properties": {},
            }
        yield from roots.items()
        for name, reference in parts.items():
            level = self.levels.of_dataclass(reference, PARSED)
            level.pop("x-positional", None)  # only files and flags name these keys
            yield name, self._with_templates(level) if name == "DataArguments" else level

    def _with_templates(self, level: dict[str, object]) -> dict[str, object]:
        """`template` must be one that is registered; the check comes when the tokenizer is loaded."""
        module = self.modules.get("llamafactory.data.template")
        assert module is not None
        calls = [
            node
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("register_template")
        ]
        names = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "name"]
        values = [str(node.value) for node in names if isinstance(node, ast.Constant)]
        assert len(values) == len(calls), "a template's name is no literal"
        properties = level["properties"]
        assert isinstance(properties, dict)
        checked = apply(properties["template"], [{"kind": "enum", "values": sorted(values)}])
        return {**level, "properties": {**properties, "template": checked}}


def snapshot(source: Source) -> Snapshot:
    """What one release says."""
    return dict(_Release(source).all_levels())


FRAMEWORK = Framework("LLaMA-Factory", Plan("llamafactory", "0.7"), snapshot, root="train")
