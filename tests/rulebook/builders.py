"""Small pages and keys for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftlint.run.fact import Fact, KeyValue, Unknown, written
from ftlint.run.key import Key, KeyPath, KeySet, Section
from ftlint.spans import Location, Span

FILE = Path("ds_config.json")

PAGE = """\
---
code: DS201
name: offload-param-below-stage-3
severity: warning
dialect: deepspeed
when: zero_optimization.stage < 3 and zero_optimization.offload_param.device in ("cpu", "nvme")
at: zero_optimization.offload_param
message: "offload_param has no effect at ZeRO stage {zero_optimization.stage}"
fixes:
  - {title: "Use ZeRO stage 3", set: {zero_optimization.stage: 3}, applicability: unsafe}
  - {title: "Remove offload_param", delete: zero_optimization.offload_param, applicability: safe}
sources: ["deepspeed 0.19.8 runtime/zero/config.py"]
---
# offload_param below ZeRO stage 3
Nothing is offloaded.

## Bad
```json ds_config.json
{"zero_optimization": {"stage": 2, "offload_param": {"device": "cpu"}}}  <- DS201
```
## Fixed
```json ds_config.json
{"zero_optimization": {"stage": 3}}
```
## Good
```json ds_config.json
{"zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}}}
```
"""


def write_page(folder: Path, text: str = PAGE, name: str = "deepspeed/DS201-offload-param-below-stage-3.md") -> Path:
    """A page below `folder`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def key_set(
    values: Mapping[str, KeyValue | Section | Unknown],
    defaults: Mapping[str, KeyValue] | None = None,
    *,
    dialect: str = "deepspeed",
    complete: bool = True,
) -> KeySet:
    """Keys by dotted name, each on a span of its own in the order given."""
    keys: dict[KeyPath, Key] = {}
    for number, (dotted, value) in enumerate(values.items()):
        path = tuple(dotted.split("."))
        place = Location(FILE, Span(100 * number, 100 * number + 50))
        name = Location(FILE, Span(100 * number, 100 * number + 10))
        at_value = Location(FILE, Span(100 * number + 20, 100 * number + 50))
        fact: Fact[Any] = written(value, place)
        keys[path] = Key(dialect, path, fact, repr(value), place, name, at_value)
    default_facts: dict[KeyPath, Fact[KeyValue]] = {
        tuple(dotted.split(".")): Fact(value) for dotted, value in (defaults or {}).items()
    }
    return KeySet(dialect, keys, default_facts, complete=complete)
