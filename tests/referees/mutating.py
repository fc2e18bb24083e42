"""Configs with one thing wrong, or seemingly wrong: seeded, and drawn from what the installed framework declares.

Neither ftlint's schemas nor its rules are read here: keys come from the judge, old keys from `old_keys.json`, bases
from `configs/` and, where FTLINT_CORPUS names one, from the corpus.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.referees import rendering, values
from tests.referees.describing import Key
from tests.referees.rendering import Again, Verbatim
from tests.referees.roster import CONFIGS, Referee

KINDS = (
    "valid",
    "typo",
    "type",
    "enum",
    "removal",
    "unknown",
    "number-as-string",
    "auto",
    "deprecated",
    "duplicate",
    "cross-field",
    "misplaced",
    "letter-case",
    "comment",
)
_OLD_KEYS: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("old_keys.json").read_text("utf-8"))
# Settings that people set together, and that frameworks compare with each other.
_COMPARED = re.compile(
    r"(batch|strategy|steps|stage|offload|precision|fp16|bf16|fp8|8bit|4bit|load_|save_|eval|optim|type|mode)"
)
# Words of other tools and of people's own notes.
_FOREIGN = (
    *("lora_r", "zero3_init_flag", "micro_batch_size", "max_seq_length", "train_batch_size", "template", "base_model"),
    *("cutoff_len", "zero_stage", "num_processes", "sample_packing", "finetuning_type", "use_peft", "distributed_type"),
    *("report_to", "model"),
)
_NOTES = ("comment", "my_note", "experiment", "author", "_description", "todo", "baseline_run", "version_of_this_file")
Tree = dict[str, Any]


@dataclass(frozen=True)
class Base:
    """A config to start from, accepted by the framework."""

    root: str
    tree: Tree


@dataclass(frozen=True)
class Case:
    """One text for judge and ftlint. `key`: what was changed, dotted; `detail`: how, for whoever reads a deviation."""

    kind: str
    root: str
    key: str
    detail: str
    text: str


class Mutator:
    """Makes cases of one referee; `keys` are the framework's own."""

    def __init__(self, referee: Referee, keys: Sequence[Key], bases: Sequence[Base], seed: int) -> None:
        self._referee = referee
        self._keys = list(keys)
        self._roots = {root: [base for base in bases if base.root == root] for root in {base.root for base in bases}}
        self._choice = random.Random(f"{referee.name} {seed}")
        declared = {(key.root, key.path) for key in keys}
        name = "deepspeed" if referee.name.startswith("deepspeed") else referee.name
        self._old = [row for row in _OLD_KEYS.get(name, ()) if (row["root"], tuple(row["path"])) not in declared]
        self._makers: dict[str, Callable[[], Case | None]] = {
            kind: getattr(self, "_" + kind.replace("-", "_")) for kind in KINDS if kind in self.kinds
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that there are for such files: only JSON can have a comment where none may be."""
        left_out = set() if self._referee.form == "json" else {"comment"}
        if not self._old:
            left_out.add("deprecated")
        return tuple(kind for kind in KINDS if kind not in left_out)

    def cases(self, count: int) -> Iterator[Case]:
        """So many cases, the kinds in turn."""
        made = 0
        while made < count:
            for kind in self._makers:
                case = None
                while case is None:
                    case = self._makers[kind]()
                yield case
                made += 1
                if made == count:
                    return

    # The kinds.

    def _valid(self) -> Case | None:
        key, tree = self._with_key()
        return self._case("valid", key.root, key.path, _shown(_at(tree, key.path)), tree)

    def _typo(self) -> Case | None:
        key, tree = self._with_key()
        wrong = values.misspelt(key.path[-1], self._names(key), self._choice)
        _rename(tree, key.path, wrong)
        return self._case("typo", key.root, key.path, wrong, tree)

    def _type(self) -> Case | None:
        key, tree = self._with_key()
        return self._replaced("type", key, tree, values.wrong_kind(key, self._choice))

    def _enum(self) -> Case | None:
        key, tree = self._with_key([key for key in self._keys if key.choices])
        return self._replaced("enum", key, tree, values.outside(key, self._choice))

    def _removal(self) -> Case | None:
        base = self._base()
        paths = list(_paths(base.tree))
        path = self._choice.choice(paths)
        tree = copy.deepcopy(base.tree)
        del _parent(tree, path)[path[-1]]
        return self._case("removal", base.root, path, "", tree)

    def _unknown(self) -> Case | None:
        key, tree = self._with_key()
        name = self._choice.choice(_NOTES)
        if name in self._names(key):
            return None
        _parent(tree, key.path)[name] = self._choice.choice(("text", 1, True, {"a": 1}))
        return self._case("unknown", key.root, (*key.path[:-1], name), "", tree)

    def _number_as_string(self) -> Case | None:
        numeric = [key for key in self._keys if {"int", "float"} & set(key.kinds)]
        key, tree = self._with_key(numeric)
        number = _at(tree, key.path)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            number = 1
        text: Any = str(number)
        if self._referee.form == "yaml" and "float" in key.kinds and self._choice.random() < 0.5:
            text = Verbatim(self._choice.choice(("2e-5", "1e-4", "5e-6", "1E-3")))
        return self._replaced("number-as-string", key, tree, text)

    def _auto(self) -> Case | None:
        key, tree = self._with_key()
        return self._replaced("auto", key, tree, "auto")

    def _deprecated(self) -> Case | None:
        row = self._choice.choice(self._old)
        base = self._base(row["root"])
        tree = copy.deepcopy(base.tree)
        _put(tree, tuple(row["path"]), row["value"])
        return self._case("deprecated", row["root"], tuple(row["path"]), f"last in {row['last']}", tree)

    def _duplicate(self) -> Case | None:
        key, tree = self._with_key()
        value = _at(tree, key.path) if self._choice.random() < 0.5 else values.right(key, self._choice)
        _parent(tree, key.path)[Again(key.path[-1])] = value
        return self._case("duplicate", key.root, key.path, _shown(value), tree)

    def _cross_field(self) -> Case | None:
        key, tree = self._with_key()
        same = [other for other in self._keys if other.root == key.root]
        weights = [5 if _COMPARED.search(other.path[-1]) else 1 for other in same]
        chosen = self._choice.choices(same, weights, k=self._choice.choice((1, 2)))
        for other in chosen:
            _put(tree, other.path, values.right(other, self._choice))
        named = sorted({".".join(each.path) for each in (key, *chosen)})
        detail = ", ".join(f"{name}={_shown(_lookup(tree, tuple(name.split('.'))))}" for name in named)
        return self._case("cross-field", key.root, key.path, detail, tree)

    def _misplaced(self) -> Case | None:
        base = self._base()
        tree = copy.deepcopy(base.tree)
        own = [key for key in self._keys if key.root == base.root]
        key = self._choice.choice(own)
        places = sorted({other.path[:-1] for other in own if other.path[:-1] != key.path[:-1]})
        if not places or self._choice.random() < 0.3:
            name, value, place = self._choice.choice(_FOREIGN), 1, self._choice.choice(own).path[:-1]
        else:
            name, value, place = key.path[-1], values.right(key, self._choice), self._choice.choice(places)
        if any(other.path == (*place, name) for other in own):
            return None
        _put(tree, (*place, name), value)
        return self._case("misplaced", base.root, (*place, name), _shown(value), tree)

    def _letter_case(self) -> Case | None:
        texts = [key for key in self._keys if any(isinstance(value, str) for value in key.choices)]
        key, tree = self._with_key(texts) if texts else self._with_key()
        word = self._choice.choice([value for value in key.choices if isinstance(value, str)] or [key.path[-1]])
        other = values.other_case(word, self._choice)
        if other is None or other in key.choices:
            return None
        if texts and self._choice.random() < 0.8:
            return self._replaced("letter-case", key, tree, other)
        name = values.other_case(key.path[-1], self._choice)
        if name is None or name in self._names(key):
            return None
        _rename(tree, key.path, name)
        return self._case("letter-case", key.root, key.path, name, tree)

    def _comment(self) -> Case | None:
        key, tree = self._with_key()
        text = rendering.as_json(tree)
        closing = rendering.closing_lines(text)
        if closing and self._choice.random() < 0.5:
            changed = rendering.with_trailing_comma(text, self._choice.choice(closing))
            return Case("comment", key.root, ".".join(key.path), "trailing comma", changed)
        changed = rendering.with_comment(text, self._choice.randrange(len(text.splitlines())))
        return Case("comment", key.root, ".".join(key.path), "comment", changed)

    # What they share.

    def _with_key(self, among: Sequence[Key] | None = None) -> tuple[Key, Tree]:
        """A key, drawn uniformly, and a config in which it has a right value."""
        key = self._choice.choice(among or self._keys)
        tree = copy.deepcopy(self._base(key.root).tree)
        if _lookup(tree, key.path) is None:
            _put(tree, key.path, values.right(key, self._choice))
        return key, tree

    def _base(self, root: str | None = None) -> Base:
        roots = sorted(self._roots)
        return self._choice.choice(self._roots[self._choice.choice(roots) if root is None else root])

    def _names(self, key: Key) -> frozenset[str]:
        return frozenset(o.path[-1] for o in self._keys if o.root == key.root and o.path[:-1] == key.path[:-1])

    def _replaced(self, kind: str, key: Key, tree: Tree, value: Any) -> Case:
        _parent(tree, key.path)[key.path[-1]] = value
        return self._case(kind, key.root, key.path, _shown(value), tree)

    def _case(self, kind: str, root: str, path: tuple[str, ...], detail: str, tree: Tree) -> Case:
        return Case(kind, root, ".".join(path), detail, render(self._referee, root, tree))


def synthetic(keys: Sequence[Key], minimal: Base, choice: random.Random) -> Base:
    """A config built key by key on a minimal one."""
    tree = copy.deepcopy(minimal.tree)
    own = [key for key in keys if key.root == minimal.root]
    for key in choice.sample(own, min(len(own), choice.randrange(1, 6))):
        _put(tree, key.path, values.right(key, choice))
    return Base(minimal.root, tree)


def written_bases(referee: Referee) -> list[Base]:
    """The configs of `configs/`: `NAME.json`, or `NAME.ROOT.yaml` where a referee has several roots."""
    folder = CONFIGS / referee.configs
    return [Base(path.stem.partition(".")[2], _read(path)) for path in sorted(folder.iterdir())]


def _read(path: Path) -> Any:
    import yaml

    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def corpus_bases(referee: Referee, corpus: Path) -> list[Base]:
    """The corpus' files of the referee's kind that are mappings of plain values."""
    import yaml

    bases = []
    for row in json.loads((corpus / "index.json").read_text("utf-8")):
        if row["kind"] not in referee.corpus_kinds:
            continue
        try:
            tree = _read(corpus / row["file"])
            json.dumps(tree)
        except (yaml.YAMLError, TypeError, ValueError):
            continue
        if isinstance(tree, dict) and tree:
            bases += [Base(root, tree) for root in (("sft", "dpo") if referee.name == "trl_yaml" else ("",))]
    return bases


def render(referee: Referee, root: str, tree: Tree) -> str:
    """The tree as such a file."""
    if referee.form == "json":
        return rendering.as_json(tree)
    if referee.form == "call":
        return rendering.as_call(root, referee.package, tree)
    return rendering.as_yaml(tree)


def _parent(tree: Tree, path: tuple[str, ...]) -> Any:
    for name in path[:-1]:
        tree = tree[name]
    return tree


def _at(tree: Tree, path: tuple[str, ...]) -> Any:
    return _parent(tree, path)[path[-1]]


def _lookup(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree


def _put(tree: Tree, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        tree = tree[name]
    tree[path[-1]] = value


def _rename(tree: Tree, path: tuple[str, ...], name: str) -> None:
    """The key under another name, at its place."""
    section = _parent(tree, path)
    entries = [(name if key == path[-1] else key, value) for key, value in section.items()]
    section.clear()
    section.update(entries)


def _paths(tree: Tree, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in tree.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))


def _shown(value: Any) -> str:
    return repr(value)[:60]
