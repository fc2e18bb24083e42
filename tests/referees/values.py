"""Values for a key: right ones, and ones that are wrong in a chosen way."""

from __future__ import annotations

import random
import re
from typing import Any

from tests.referees.describing import Key

# What a name says where the declaration says nothing: DeepSpeed's dictionaries have names and defaults only.
_NUMBERS = re.compile(r"(size|steps|count|num|number|interval|stage|degree|depth|epoch|world|rank|seed|port|max_|min_)")
_FLAGS = re.compile(r"^(enable|disable|use|do|is|has|load|save|dump|skip)_|enabled$")
_OTHER_KINDS: dict[str, tuple[Any, ...]] = {
    "str": ("some text", "x"),
    "int": (3, 0),
    "float": (1.5, 0.25),
    "bool": (True, False),
    "list": ([1, 2], ["a"]),
    "dict": ({"a": 1},),
    "null": (None,),
}


def right(key: Key, choice: random.Random) -> Any:
    """A value that the declaration allows, near the default where there is one."""
    if key.choices:
        return choice.choice(key.choices)
    if "null" in key.kinds and len(key.kinds) > 1 and choice.random() < 0.1:
        return None
    kinds = [kind for kind in key.kinds if kind != "null"] or [_kind_of_name(key.path[-1])]
    return _of_kind(choice.choice(kinds), key, choice)


def wrong_kind(key: Key, choice: random.Random) -> Any:
    """A value of a kind that the declaration does not name."""
    kinds = key.kinds or (_kind_of_name(key.path[-1]),)
    others = [kind for kind in _OTHER_KINDS if kind not in kinds and not (kind == "int" and "float" in kinds)]
    return choice.choice(_OTHER_KINDS[choice.choice(others)]) if others else {"a": 1}


def outside(key: Key, choice: random.Random) -> Any:
    """A value of the right kind that is none of the choices."""
    listed = [value for value in key.choices if not isinstance(value, bool)]
    texts = [value for value in listed if isinstance(value, str)]
    if not texts:
        numbers = [value for value in listed if isinstance(value, (int, float))] or [0]
        return choice.choice((max(numbers) + 7, -5))
    word = choice.choice(texts)
    return choice.choice((word + "x", word[:-1] or "q", "nonsense", "best_" + word))


def other_case(word: str, choice: random.Random) -> str | None:
    """The word in other letter case, or None where there is none."""
    others = [other for other in (word.upper(), word.lower(), word.title(), word.swapcase()) if other != word]
    return choice.choice(others) if others else None


def misspelt(name: str, taken: frozenset[str], choice: random.Random) -> str:
    """The name with one slip of the finger, and not another name."""
    for _ in range(50):
        at = choice.randrange(len(name))
        slips = (
            name[:at] + name[at + 1 :],
            name[:at] + name[at] + name[at:],
            name[:at] + choice.choice("abcdefghijklmnopqrstuvwxyz") + name[at + 1 :],
            name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :] if at else name + "s",
            name.replace("_", "-", 1),
            name.replace("_", "", 1),
            name + "s",
        )
        slip = choice.choice(slips)
        if slip not in (name, *taken) and re.fullmatch(r"[A-Za-z_][\w-]*", slip):
            return slip
    return name + "_typo"


def _kind_of_name(name: str) -> str:
    if _FLAGS.search(name):
        return "bool"
    return "int" if _NUMBERS.search(name) else "str"


def _of_kind(kind: str, key: Key, choice: random.Random) -> Any:
    default = key.default
    match kind:
        case "bool":
            return choice.random() < 0.5
        case "int":
            whole = [default, default * 2] if type(default) is int and default > 0 else []
            return choice.choice([*whole, 1, 2, 8])
        case "float":
            near: list[float] = [float(default), default / 2] if type(default) in (int, float) and default > 0 else []
            return choice.choice([*near, 0.1, 1.0])
        case "str":
            return default if isinstance(default, str) and default else choice.choice(("text", "out", "a/b"))
        case "list":
            return choice.choice(([], ["a", "b"], default if isinstance(default, list) else []))
        case "dict":
            return {}
        case _:
            return None
