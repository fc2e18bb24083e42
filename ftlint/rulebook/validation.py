"""Says what is wrong with a page's front matter, in words that help to repair it.

`STRUCTURE` is the same as `schemas/rule_page.json` (a test holds them together); the rest needs more than a schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from ftlint.errors import nearest
from ftlint.findings import Applicability, Severity
from ftlint.rulebook.filling import FillingError, placeholders
from ftlint.rulebook.front_matter import FrontMatter
from ftlint.rulebook.page import ANY_DIALECT, CODE, NAME
from ftlint.rulebook.patterns import PatternError, bounded_pattern
from ftlint.rulebook.when import Condition, WhenError, parse_when

DATA_DIALECTS = ("accelerate", "axolotl", "deepspeed", "hydra", "llamafactory", "torchtune", "trl", "verl")
CODE_DIALECTS = ("bitsandbytes", "fsdp", "launchers", "peft", "torch", "transformers")
DIALECT_WORDS = tuple(sorted((*DATA_DIALECTS, *CODE_DIALECTS, ANY_DIALECT, "run", "script")))

CHECK = r"ftlint\.checks(\.[a-z][a-z0-9_]*)+:[a-z][a-z0-9_]*"
KEY_PATH = r"[^.\s]+(\.[^.\s]+)*"
PACKAGE = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
HTTPS = r"https://\S+"

Complaint = str | None
"""What is wrong with a value; None: nothing."""


def validate(front: FrontMatter) -> None:
    """Raise a PageError for the first thing wrong with the front matter."""
    _check_keys(front)
    _check_finder(front)
    _check_fixes(front)
    _check_file_name(front)
    _check_versions(front)
    _check_log(front)
    condition = _check_when(front)
    _check_placeholders(front, condition)


# What each key may hold.


def _a_text(value: object) -> Complaint:
    return None if isinstance(value, str) and value.strip() else f"expected a text, found {_shown(value)}"


def _texts(value: object) -> Complaint:
    if isinstance(value, list) and all(_a_text(item) is None for item in value):
        return None
    return f"expected a list of texts, found {_shown(value)}"


def _matching(pattern: str, expected: str) -> Callable[[object], Complaint]:
    def complaint(value: object) -> Complaint:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return None
        return f"expected {expected}, found {_shown(value)}"

    return complaint


def _one_of(words: Iterable[str]) -> Callable[[object], Complaint]:
    allowed = tuple(words)

    def complaint(value: object) -> Complaint:
        if isinstance(value, str) and value in allowed:
            return None
        hint = nearest(value, allowed) if isinstance(value, str) else ""
        return f"expected {' or '.join(allowed)}, found {_shown(value)}{hint}"

    return complaint


_A_KEY = _matching(KEY_PATH, "a key such as zero_optimization.stage")
_A_LEVEL = _matching(r"[a-z_]+(?:#[A-Za-z_]\S*)?", "a level such as transformers#TrainingArguments")
_A_DIALECT = _one_of(DIALECT_WORDS)


def _dialects(value: object) -> Complaint:
    if not isinstance(value, list):
        return _A_DIALECT(value)
    if value == [ANY_DIALECT, "script"]:
        return None  # settings wherever they are written
    special = [word for word in value if word in (ANY_DIALECT, "run", "script")]
    if not value or special:
        return f"a list names dialects; {special[0]!r} stands alone" if special else "the list is empty"
    if len(set(map(str, value))) < len(value):
        return "the list names a dialect twice"
    return next((complaint for item in value if (complaint := _A_DIALECT(item))), None)


def _levels(value: object) -> Complaint:
    items = value if isinstance(value, list) else [value]
    if not items or len(set(map(str, items))) < len(items):
        return "expected levels of schemas, each named once"
    return next((complaint for item in items if (complaint := _A_LEVEL(item))), None)


def _versions(value: object) -> Complaint:
    if not isinstance(value, dict) or not value:
        return f'expected packages with specifiers, as in {{transformers: ">=4.46"}}, found {_shown(value)}'
    for package, specifier in value.items():
        if not re.fullmatch(PACKAGE, package):
            return f"{package!r} is not the name of a package"
        if (complaint := _a_text(specifier)) is not None:
            return f'{package}: {complaint}; a specifier is a text such as ">=4.46,<5"'
    return None


def _only_true(value: object) -> Complaint:
    return None if value is True else f"expected true, found {_shown(value)}"


def _keys_to_delete(value: object) -> Complaint:
    if isinstance(value, list) and value:
        return next((complaint for item in value if (complaint := _A_KEY(item))), None)
    return _A_KEY(value)


def _settings(value: object) -> Complaint:
    if not isinstance(value, dict) or not value:
        return f"expected keys with their new values, found {_shown(value)}"
    return next((complaint for key in value if (complaint := _A_KEY(key))), None)


def _renamings(value: object) -> Complaint:
    if not isinstance(value, dict) or not value:
        return f"expected keys with their new names, found {_shown(value)}"
    new_name = _matching(r"[^.\s]+", "the new last part of the key's name")
    for key, name in value.items():
        if (complaint := _A_KEY(key) or new_name(name)) is not None:
            return complaint
    return None


STRUCTURE: Mapping[str, Callable[[object], Complaint]] = {
    "code": _matching(CODE, "letters and three digits, such as DS201"),
    "name": _matching(NAME, "a name such as offload-param-below-stage-3"),
    "severity": _one_of(severity.value for severity in Severity),
    "dialect": _dialects,
    "level": _levels,
    "versions": _versions,
    "when": _a_text,
    "check": _matching(CHECK, "a function below ftlint.checks, such as ftlint.checks.heads:dtype_mismatch"),
    "builtin": _only_true,
    "at": _A_KEY,
    "message": _a_text,
    "fixes": lambda value: None if isinstance(value, list) else f"expected a list of fixes, found {_shown(value)}",
    "log": _texts,
    "sources": _texts,
    "url": _matching(HTTPS, "an https:// address"),
}

FIX_STRUCTURE: Mapping[str, Callable[[object], Complaint]] = {
    "title": _a_text,
    "applicability": _one_of(applicability.value for applicability in Applicability),
    "name": _matching(NAME, "a name such as cast-the-head"),
    "set": _settings,
    "delete": _keys_to_delete,
    "rename": _renamings,
}

_REQUIRED = ("code", "name", "severity", "message")
_EDITING = ("set", "delete", "rename")


def _check_keys(front: FrontMatter) -> None:
    for key, value in front.values.items():
        if key not in STRUCTURE:
            raise front.error(key, f"there is no such key{nearest(key, STRUCTURE)}")
        if (complaint := STRUCTURE[key](value)) is not None:
            raise front.error(key, complaint)
    for key in _REQUIRED:
        if key not in front.values:
            raise front.error(None, f"the front matter has no {key!r}")


def _check_finder(front: FrontMatter) -> None:
    finders = [key for key in ("when", "check", "builtin") if key in front.values]
    if len(finders) != 1:
        found = " and ".join(finders) or "neither"
        raise front.error(finders[-1] if finders else None, f"a rule has `when` or `check`, found {found}")
    if finders == ["builtin"]:
        extra = [key for key in ("dialect", "level", "versions", "at") if key in front.values]
        if extra:
            raise front.error(extra[0], "is meaningless in a page of a builtin finding")
        return
    if "dialect" not in front.values:
        raise front.error(None, "the front matter has no 'dialect'")
    if finders == ["when"] and front.values["dialect"] in ("script", ANY_DIALECT):
        raise front.error("dialect", f"{front.values['dialect']} has no keys that a `when` could read; use `check`")
    if finders != ["when"]:
        for key in ("at", "level"):
            if key in front.values:
                raise front.error(key, "belongs to `when`; a check says itself where its findings stand")
    if "level" in front.values and front.values["dialect"] == "run":
        raise front.error("level", "belongs to keys; run facts have no levels")


def _check_fixes(front: FrontMatter) -> None:
    fixes = front.values.get("fixes", [])
    assert isinstance(fixes, list)
    names = []
    for number, fix in enumerate(fixes, start=1):
        complaint = _complaint_about_fix(fix, by_condition="when" in front.values)
        if complaint is not None:
            raise front.error("fixes", f"fix {number}: {complaint}")
        names.append(fix.get("name", str(number)))
    if len(set(names)) < len(names):
        raise front.error("fixes", "two fixes have the same name")


def _complaint_about_fix(fix: object, by_condition: bool) -> Complaint:
    if not isinstance(fix, dict):
        return f"expected a mapping with title and applicability, found {_shown(fix)}"
    for key, value in fix.items():
        if key not in FIX_STRUCTURE:
            return f"there is no key {key!r}{nearest(key, FIX_STRUCTURE)}"
        if (complaint := FIX_STRUCTURE[key](value)) is not None:
            return f"{key}: {complaint}"
    for key in ("title", "applicability"):
        if key not in fix:
            return f"has no {key!r}"
    editing = [key for key in _EDITING if key in fix]
    is_shown_only = fix["applicability"] == Applicability.DISPLAY.value
    if by_condition and "name" in fix:
        return "`name` belongs to `check`; a rule with `when` says set, delete or rename"
    if by_condition and not editing and not is_shown_only:
        return "says neither set, delete nor rename, so it must be a display fix"
    if not by_condition and editing:
        return f"`{editing[0]}` belongs to `when`; a check makes its edits itself, under the fix's `name`"
    if not by_condition and "name" not in fix and not is_shown_only:
        return "has no 'name' under which the check could give its edits"
    return None


# What needs more than a schema.


def _check_file_name(front: FrontMatter) -> None:
    expected = f"{front.values['code']}-{front.values['name']}.md"
    if front.path.name != expected:
        raise front.error("code", f"with this code and name the file must be called {expected}")


def _check_versions(front: FrontMatter) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    versions = front.values.get("versions", {})
    assert isinstance(versions, dict)
    for package, specifier in versions.items():
        try:
            SpecifierSet(specifier)
        except InvalidSpecifier:
            message = f'{package}: {specifier!r} is not a version specifier such as ">=4.46,<5"'
            raise front.error("versions", message) from None


def _check_log(front: FrontMatter) -> None:
    patterns = front.values.get("log", [])
    assert isinstance(patterns, list)
    for pattern in patterns:
        try:
            bounded_pattern(pattern)
        except PatternError as error:
            raise front.error("log", f"{pattern!r} {error}") from None


def _check_when(front: FrontMatter) -> Condition | None:
    text = front.values.get("when")
    if not isinstance(text, str):
        return None
    try:
        condition = parse_when(text)
    except WhenError as error:
        raise front.error("when", f"{error} (column {error.span.start + 1} of {text.strip()!r})") from None
    if front.values["dialect"] == "run":
        _check_run_facts(front, "when", condition.names)
        at = front.values.get("at")
        _check_run_facts(front, "at", (at,) if isinstance(at, str) else ())
    return condition


def _check_run_facts(front: FrontMatter, key: str, names: Iterable[str]) -> None:
    from ftlint.run.run import Run

    known = [name for name, _ in Run().facts()]
    for name in names:
        fact = ".".join(name.split(".")[:2])  # what follows is a field of the fact's value: hardware.gpu.name
        if fact not in known:
            raise front.error(key, f"there is no run fact {name!r}{nearest(name, known)}")


def _check_placeholders(front: FrontMatter, condition: Condition | None) -> None:
    fixes = front.values.get("fixes", [])
    assert isinstance(fixes, list)
    texts = [("message", front.values["message"]), *(("fixes", fix["title"]) for fix in fixes)]
    for key, text in texts:
        try:
            names = placeholders(str(text))
        except FillingError as error:
            raise front.error(key, str(error)) from None
        if condition is None:
            continue  # a check fills what it likes
        at = front.values.get("at")
        allowed = (*condition.names, at) if isinstance(at, str) else condition.names
        for name in names:
            if name not in allowed:
                hint = nearest(name, allowed)
                raise front.error(key, f"{{{name}}} cannot be filled: `when` reads {', '.join(condition.names)}{hint}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
