"""Asks the frameworks whether what is planted in real files is a fault; a maintainer's run.

    python -m tests.corpus.confirming [--seed N] [--count 200] [--output tests/corpus/planted.json]

Needs FTLINT_CORPUS and the judges of tests/referees. A file is read by each framework that takes it as it stands (one
that none takes is left out). A change is a fault where every one of these refuses it, ignores it in silence, or warns
of it; what only one of several readers minds is left out, as nothing in the file says which will read it. No schema
or finding of ours is asked. torchtune's recipes and Hydra's files have no judge of their keys: OmegaConf, which loads
both, decides there what it can, which is that no key is written twice.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.corpus.planting import KINDS, Planted, Planter
from tests.referees.asking import Judge
from tests.referees.comparing import Machine
from tests.referees.protocol import Verdict
from tests.referees.roster import REFEREES, Referee

SEED = 20261129
COUNT = 200
OUTPUT = Path(__file__).with_name("planted.json")
_OMEGACONF = Referee(
    *("omegaconf", "yaml", "config.yaml", ""),
    corpus_kinds=("torchtune_yaml", "hydra_root_yaml", "hydra_group_yaml", "verl_yaml"),
)
# A YAML file of TRL's does not say which of its commands reads it.
_ROOTS = {"trl_yaml": ("sft", "dpo", "grpo", "kto", "reward")}
# Where a key that nobody declares is a mistake, and no person's note or loader's business.
_NAMES_A_KEY = ("typo", "misplaced", "letter-case", "deprecated")
_TRIES = 4
_TEMPORARY = re.compile(r"/\S*referee-\w+/?")


class Reader:
    """One framework's way to read a file."""

    def __init__(self, referee: Referee, judge: Judge) -> None:
        self.name = referee.name
        self.versions = judge.versions()
        self._judge, self._machine = judge, Machine(referee)
        self._declared: dict[str, set[tuple[str, ...]]] = {}
        for key in judge.keys():  # noqa: SIM118 - a question to the judge, which is no dictionary
            self._declared.setdefault(key.root, set()).add(key.path)
        self.roots = _ROOTS.get(referee.name, ("",))
        self.kinds = KINDS if self._declared else ("duplicate",)

    def takes(self, root: str, text: str) -> Verdict | None:
        """The verdict on a file as it stands, None where it is refused."""
        verdict = self._judge.judge(root, text)
        return verdict if verdict.accepted else None

    def objection(self, root: str, before: Verdict, kind: str, key: str, new: set[tuple[str, ...]], text: str) -> str:
        """What the framework makes of the change; "" where it minds nothing, or where only this machine is to blame."""
        verdict = self._judge.judge(root, text)
        if not verdict.accepted:
            said = _TEMPORARY.sub("", " ".join(verdict.message.split()))[:160]
            return "" if self._machine.why(verdict) else f"refused: {verdict.exception}: {said}"
        spoken = [each for each in verdict.warned if re.search(rf"\b{re.escape(key)}\b", each)]
        if fresh := [each for each in spoken if each not in before.warned]:
            return f"warned: {_TEMPORARY.sub('', ' '.join(fresh[0].split()))[:160]}"
        declared = self._declared.get(root, set())
        sections = {path[:depth] for path in declared for depth in range(len(path))}
        if kind in _NAMES_A_KEY and any(path not in declared and path[:-1] in sections for path in new):
            return "ignored: no declared key"
        return ""


class Confirmer:
    """All readers of one corpus."""

    def __init__(self, corpus: Path, readers: dict[str, list[Reader]], seed: int) -> None:
        self._corpus, self._readers, self._seed = corpus, readers, seed
        self._takers: dict[str, list[tuple[Reader, str, Verdict]]] = {}

    def faults(self, count: int) -> Iterator[dict[str, Any]]:
        """So many files with a fault each, the kinds in turn while there is room; every file at most once."""
        choice = random.Random(self._seed)
        index = json.loads((self._corpus / "index.json").read_text("utf-8"))
        rows = [row for row in index if row["kind"] in self._readers]
        choice.shuffle(rows)
        used: Counter[str] = Counter()
        kinds = deque(KINDS)
        for number in range(count):
            found = None
            while kinds and found is None:
                found = self._next(rows, kinds[0], used, choice)
                if found is None:
                    kinds.popleft()
            if found is None:
                raise LookupError(f"the corpus has room for {number} faults, not {count}")
            kinds.rotate(-1)
            row, fault = found
            rows.remove(row)
            used[self._dialect(row)] += 1
            yield fault

    def _next(
        self, rows: list[dict[str, Any]], kind: str, used: Counter[str], choice: random.Random
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """A file and its fault. Dialects with few faults yet come first: a quarter of the corpus is Axolotl's."""
        for row in sorted(rows, key=lambda row: used[self._dialect(row)]):
            if kind in self._readers[row["kind"]][0].kinds and (fault := self._fault(row, kind, choice)) is not None:
                return row, fault
        return None

    def _dialect(self, row: dict[str, Any]) -> str:
        return self._readers[row["kind"]][0].name if row["kind"] != "torchtune_yaml" else "torchtune"

    def _fault(self, row: dict[str, Any], kind: str, choice: random.Random) -> dict[str, Any] | None:
        form = "json" if row["kind"].endswith("_json") else "yaml"
        content = (self._corpus / row["file"]).read_bytes()
        text = content.decode("utf-8")
        if not self._takers_of(row, text):
            return None
        framework = self._readers[row["kind"]][0].name
        planter = Planter(text, form, framework, choice)
        seen: set[Planted] = set()
        for _ in range(_TRIES):
            planted = planter.plant(kind)
            if planted is None or planted in seen:
                continue
            seen.add(planted)
            if said := self._objections(row, planted, text, form):
                digest = hashlib.sha256(content).hexdigest()[:16]
                return {"file": row["file"], "sha256": digest, "dialect": row["kind"], **asdict(planted), "said": said}
        return None

    def _takers_of(self, row: dict[str, Any], text: str) -> list[tuple[Reader, str, Verdict]]:
        if row["file"] not in self._takers:
            self._takers[row["file"]] = [
                (reader, root, verdict)
                for reader in self._readers[row["kind"]]
                for root in reader.roots
                if (verdict := reader.takes(root, text)) is not None
            ]
        return self._takers[row["file"]]

    def _objections(self, row: dict[str, Any], planted: Planted, text: str, form: str) -> dict[str, str]:
        """What each reader says, by its name; nothing unless all mind."""
        changed = planted.applied(text)
        new: set[tuple[str, ...]] = set()
        if planted.kind in _NAMES_A_KEY:
            new = set(_paths(changed, form)) - set(_paths(text, form))
        found: dict[str, str] = {}
        for reader, root, before in self._takers_of(row, text):
            objection = reader.objection(root, before, planted.kind, planted.key, new, changed)
            if not objection and planted.kind == "duplicate":
                objection = _overruled(changed, form)
            if not objection:
                return {}
            found[f"{reader.name} {root}".strip()] = objection
        return found


def _overruled(text: str, form: str) -> str:
    """What became of the first of two writings, where a reader takes both: its loader keeps the last."""
    return "ignored: the loader keeps the last of the two" if _tree(text, form) is not None else ""


def _paths(text: str, form: str) -> Iterator[tuple[str, ...]]:
    def below(tree: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, value in tree.items() if isinstance(tree, dict) else ():
            yield (*above, str(name))
            yield from below(value, (*above, str(name)))

    return below(_tree(text, form), ())


def _tree(text: str, form: str) -> Any:
    import yaml

    try:
        return json.loads(text) if form == "json" else yaml.load(text, yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError):
        return None


def main() -> None:
    """Writes the reviewed table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        readers: dict[str, list[Reader]] = {}
        versions: dict[str, str] = {}
        for referee in (*REFEREES, _OMEGACONF):
            if not referee.corpus_kinds:
                continue
            reader = Reader(referee, stack.enter_context(Judge(referee)))
            versions |= {f"{reader.name}: {name}": version for name, version in reader.versions.items()}
            for kind in referee.corpus_kinds:
                readers.setdefault(kind, []).append(reader)
        confirmer = Confirmer(Path(os.environ["FTLINT_CORPUS"]), readers, arguments.seed)
        faults = []
        for fault in confirmer.faults(arguments.count):
            faults.append(fault)
            print(len(faults), *(fault[name] for name in ("kind", "file", "line", "said")), flush=True)
    lines = ",\n    ".join(json.dumps(fault, ensure_ascii=False) for fault in faults)
    head = f'"seed": {arguments.seed},\n  "versions": {json.dumps(versions)},\n  "faults": [\n    {lines}\n  ]'
    arguments.output.write_text(f"{{\n  {head}\n}}\n", "utf-8")
    print(Counter(fault["kind"] for fault in faults), Counter(fault["dialect"] for fault in faults))


if __name__ == "__main__":
    main()
