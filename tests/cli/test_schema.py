"""`ftlint schema`: valid for other tools, and of one mind with our own walker on a thousand mutated files."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ftlint.engine import check
from ftlint.findings import Severity
from ftlint.project.workspace import Workspace
from tests.cli.conftest import ROOT, Cli

CONFIGS = ROOT / "tests" / "referees" / "configs"
DIALECTS = ("deepspeed", "accelerate", "axolotl", "llamafactory")
RELEASES = {
    "deepspeed": "0.19.8", "transformers": "5.6.0", "accelerate": "1.15.0", "axolotl": "0.19.0",
    "llamafactory": "0.9.5", "trl": "0.24.0", "peft": "0.18.1",
}  # fmt: skip
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 10**9, 0.5, 2.0, -0.5, "", "auto", "no", "steps", "3", "0.5", "true", "nonsense"),
    *("{{ value }}", "${oc.env:X}", "adamw_torch", "AdamW", "BF16", [], [1], ["a"], {}, {"a": 1}, {"enabled": True}),
)
NUM_FILES = int(os.environ.get("MUTATIONS", "1000"))


def schema_of(cli: Cli, dialect: str, **releases: str) -> dict[str, Any]:
    options = [word for name, release in releases.items() for word in ("--versions", f"{name}={release}")]
    outcome = cli("schema", dialect, *options)
    assert outcome.status == 0, outcome.stderr
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def bases(dialect: str) -> list[dict[str, Any]]:
    return [
        (json.loads if path.suffix == ".json" else yaml.safe_load)(path.read_text(encoding="utf-8"))
        for path in sorted((CONFIGS / dialect).iterdir())
        if path.suffix in (".json", ".yaml")
    ]


def mutated(data: dict[str, Any], names: list[str], chance: random.Random) -> dict[str, Any]:
    """One to three changes anywhere: another value, a misspelled key, one more key, a key less."""
    changed = copy.deepcopy(data)
    for _ in range(chance.randint(1, 3)):
        section = chance.choice(list(sections(changed)))
        key = chance.choice([*section, *names[:1]] if not section else list(section))
        match chance.randrange(5):
            case 0 | 1:
                section[key] = copy.deepcopy(chance.choice(VALUES))
            case 2:
                section[chance.choice((f"{key}s", f"_{key}", key.upper(), key[1:] or "k"))] = section.pop(key, 1)
            case 3:
                section[chance.choice(names)] = copy.deepcopy(chance.choice(VALUES))
            case 4:
                section.pop(key, None)
    return changed


def sections(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield data
    for value in data.values():
        if isinstance(value, dict):
            yield from sections(value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_accepts_what_the_walker_accepts(dialect: str, cli: Cli, folder: Path) -> None:
    plain = schema_of(cli, dialect, **RELEASES)
    validator = jsonschema.Draft7Validator(plain)
    names = sorted({name for level in plain["definitions"].values() for name in level.get("properties", {})})
    chance, base = random.Random(dialect), bases(dialect)
    suffix = "json" if dialect == "deepspeed" else "yaml"
    (folder / "ftlint.toml").write_text(
        "[versions]\n" + "".join(f'{name} = "{release}"\n' for name, release in RELEASES.items())
        + f'[files]\n"*.{suffix}" = "{dialect}"\n[deepspeed]\nintegration = "transformers"\n',
        encoding="utf-8",
    )  # fmt: skip
    (folder / "ds.json").unlink()
    files: dict[str, dict[str, Any]] = {}
    for number in range(NUM_FILES // len(DIALECTS)):
        data = mutated(chance.choice(base), names, chance)
        files[f"{number}.{suffix}"] = data
        text = json.dumps(data) if suffix == "json" else yaml.safe_dump(data)
        (folder / f"{number}.{suffix}").write_text(text, encoding="utf-8")
    result = check(Workspace(folder), [folder])
    assert not result.unread
    complaints = {
        finding.location.path.name
        for finding in result.findings
        if finding.code.startswith("CFG1") and finding.severity is not Severity.INFO
    }
    accepted = {name: data for name, data in files.items() if name not in complaints}
    refused = {
        name: [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:120]}" for error in errors][:2]
        for name, data in accepted.items()
        if (errors := list(validator.iter_errors(data)))
    }
    assert refused == {}
    assert len(accepted) > len(files) // 20, "hardly a file was left to compare"
    assert len(complaints) > len(files) // 20, "hardly a file had anything wrong"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_refuses_what_no_framework_takes(dialect: str, cli: Cli) -> None:
    """Or a schema that accepts everything would pass the test above."""
    plain = schema_of(cli, dialect, **RELEASES)
    jsonschema.Draft7Validator.check_schema(plain)
    validator = jsonschema.Draft7Validator(plain)
    wrong = {
        "deepspeed": {"zero_optimization": {"stage": "three"}},
        "accelerate": {"compute_environment": "LOCAL_MACHINE", "num_process": 2},
        "axolotl": {"base_model": "x", "micro_batch_size": "many"},
        "llamafactory": {"model_name_or_pathh": "x"},
    }[dialect]
    assert list(validator.iter_errors(wrong))


def test_releases_decide(cli: Cli) -> None:
    old = schema_of(cli, "trl:SFTConfig", trl="0.16.1")
    new = schema_of(cli, "trl:SFTConfig", trl="1.16.0")
    name = "trl_SFTConfig"
    assert "max_seq_length" in old["definitions"][name]["properties"]
    assert "deprecationMessage" in old["definitions"][name]["properties"]["max_seq_length"]
    assert "max_seq_length" not in new["definitions"][name]["properties"]
    assert new["definitions"][name]["additionalProperties"] is False


def test_every_listed_name_has_a_schema(cli: Cli) -> None:
    names = cli("schema", "--list").stdout.split()
    assert {*DIALECTS, "trl", "trl:SFTConfig", "transformers:TrainingArguments", "peft:LoraConfig"} <= set(names)
    for name in [*DIALECTS, *names[:: max(1, len(names) // 12)]]:
        jsonschema.Draft7Validator.check_schema(schema_of(cli, name))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("deepsped",), "did you mean 'deepspeed'"),
        (("trl:SFTConfg",), "did you mean 'trl:SFTConfig'"),
        ((), "name one dialect"),
        (("deepspeed", "--list"), "name one dialect"),
        (("deepspeed", "--versions", "deepspeed"), "expected NAME=SPECIFIER"),
        (("deepspeed", "--versions", "deepspeed=new"), "no release"),
        (("deepspeed", "--versions", "nothing=1"), "expected NAME=SPECIFIER"),
    ],
)
def test_what_cannot_be_followed(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    outcome = cli("schema", *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert words in outcome.stderr
