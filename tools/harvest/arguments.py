"""Rebuilds `ftlint/knowledge/data/arguments.json`: settings classes, their arguments and defaults, over the releases.

Read from the released wheels' sources with `ast`; nothing of them is imported. Which arguments count is written in
`arguments_source.json` beside this file, with what else a script may say in place of each. Run as
`python -m tools.harvest.arguments FOLDER`: wheels that are not in the folder are downloaded into it. The newest
patch of every minor release is read, of small packages the oldest too.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.harvest.packages import Patches, Plan, archive

SOURCE = Path(__file__).with_name("arguments_source.json")
TARGET = Path(__file__).parents[2] / "ftlint" / "knowledge" / "data" / "arguments.json"

PLANS = {
    "peft": Plan("peft", "0.4", Patches.ENDS),
    "transformers": Plan("transformers", "4.28", Patches.NEWEST),
    "trl": Plan("trl", "0.9", Patches.ENDS),
}
"""Which releases are read of each package."""
FILES = {
    "peft": ("peft/tuners/lora/config.py", "peft/tuners/lora.py", "peft/config.py", "peft/utils/config.py"),
    "transformers": (
        "transformers/training_args.py",
        "transformers/training_args_seq2seq.py",
        "transformers/utils/quantization_config.py",
    ),
    "trl": ("trl/trainer/", "trl/experimental/"),
}
"""Where the classes are defined; of a name that is defined twice the first place counts."""
CLASSES = ("BitsAndBytesConfig", "LoraConfig", "Seq2SeqTrainingArguments", "TrainingArguments")
ELSEWHERE = "TrainingArguments"
"""The class on which those of another package build; every TRL class that does is harvested."""

Default = object
Defaults = dict[str, Default]


def classes_in(path: Path, package: str) -> dict[str, ast.ClassDef]:
    """The classes that the package's files define; not the shells that only lead to where a class has moved."""
    defined: list[ast.ClassDef] = []
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        for place in FILES[package]:
            for name in names:
                if name == place or (place.endswith("/") and name.startswith(place) and name.endswith("_config.py")):
                    tree = ast.parse(archive.read(name))
                    defined += [node for node in tree.body if isinstance(node, ast.ClassDef)]
    known = {node.name for node in defined}
    found: dict[str, ast.ClassDef] = {}
    for node in defined:
        if not any(base.startswith("_") and base not in known for base in _bases(node)):
            found.setdefault(node.name, node)
    return found


def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def arguments_of(name: str, classes: Mapping[str, ast.ClassDef]) -> tuple[Defaults, str | None]:
    """The arguments of a class with those of its bases in the same package, and the base in another one."""
    node = classes[name]
    own, parent = dict(_own(node)), None
    for base in _bases(node):
        if base == ELSEWHERE:
            parent = ELSEWHERE
        elif base in classes and base != name:
            inherited, above = arguments_of(base, classes)
            own, parent = {**inherited, **own}, parent or above
    return own, parent


def _own(node: ast.ClassDef) -> Iterator[tuple[str, Default]]:
    """What a class's own `__init__` takes; without one, its fields."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            positional = [*statement.args.posonlyargs, *statement.args.args]
            defaults = statement.args.defaults
            for argument, value in zip(positional[len(positional) - len(defaults) :], defaults, strict=True):
                yield argument.arg, _default(value)
            return
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, _default(statement.value)


def _default(value: ast.expr | None) -> Default:
    """A literal, or the text of an expression as `{"expression": …}`."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
        keywords = {keyword.arg: keyword.value for keyword in value.keywords}
        value = keywords.get("default", keywords.get("default_factory"))
    if value is None:
        return {"expression": "required"}
    try:
        literal = ast.literal_eval(value)
    except ValueError:
        return {"expression": ast.unparse(value)}
    return literal


def harvest(package: str, names: Iterable[str], folder: Path) -> tuple[list[str], dict[str, dict[str, object]]]:
    """The releases read; of each class its base elsewhere, the releases that have it, and each argument's history."""
    read: list[str] = []
    wanted_names = frozenset(names)
    found: dict[str, dict[str, object]] = {}
    for version in PLANS[package].versions():
        previous = read[-1] if read else None
        read.append(version)
        classes = classes_in(archive(package, version, folder), package)
        for name in classes:
            arguments, parent = arguments_of(name, classes)
            if name.startswith("_") or (name not in CLASSES and (package != "trl" or parent is None)):
                continue
            entry = found.setdefault(name, {"package": package, "parent": parent, "found": [], "arguments": {}})
            _extend(entry["found"], previous, version, {})
            histories: Any = entry["arguments"]
            for argument in sorted(wanted_names & arguments.keys()):
                row = {"default": arguments[argument]}
                _extend(histories.setdefault(argument, []), previous, version, row)
    return read, found


def _extend(rows: Any, previous: str | None, version: str, row: dict[str, object]) -> None:
    """One more release: the last row goes on if it says the same of the release before."""
    last = rows[-1] if rows else None
    # By their text: False is not 0.
    if last is not None and last["until"] == previous and repr({**last, **row}) == repr(last):
        last["until"] = version
    else:
        rows.append({"since": version, "until": version, **row})


def build(folder: Path) -> str:
    """The text of arguments.json."""
    source = json.loads(SOURCE.read_text(encoding="utf-8"))
    names = {argument["name"] for argument in source["arguments"]}
    names |= {argument["successor"] for argument in source["arguments"] if "successor" in argument}
    read: dict[str, list[str]] = {}
    classes: dict[str, dict[str, object]] = {}
    for package in sorted(PLANS):
        read[package], found = harvest(package, names, folder)
        classes.update(found)
    parts = {
        "read": _lines(read),
        "arguments": _lines({row.pop("name"): row for row in source["arguments"]}),
        "classes": _lines(classes),
    }
    return "{" + ",\n".join(f"{json.dumps(name)}: {text}" for name, text in parts.items()) + "}\n"


def _lines(rows: Mapping[str, object]) -> str:
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {json.dumps(rows[name])}" for name in sorted(rows)) + "\n}"


def main() -> None:
    """Write the file anew."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tools.harvest.arguments FOLDER")
    TARGET.write_text(build(Path(sys.argv[1])), encoding="utf-8")


if __name__ == "__main__":
    main()
