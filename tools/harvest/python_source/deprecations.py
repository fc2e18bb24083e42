"""Which settings of a class are deprecated, and what to write instead: from warnings, help texts and docstrings.

A warning counts where its text says of a key itself that it is deprecated. If the value is handed to another setting in
the same place, that is the key to write; else the text is asked.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Iterator, Sequence

from ftlint.record import record

WARNING_CALLS = re.compile(r"(^|\.)(warn|warning|warning_once|warn_once|info|deprecate)$")
QUOTED = r"(?:`--|--|`|'|\")(?P<key>\w+)[`'\"]?"
BARE = r"^(?:The |[Uu]sing )?(?P<bare>\w+)"
NOUN = r"(?: (?:argument|parameter|option|flag|field|keyword)s?)?"
SAID = r"(?:is|are|was|has been|have been) (?:now )?(?:deprecated|removed|no longer (?:used|supported))"
SUBJECTS = (
    re.compile(rf"(?<![\w`'\"-])(?<!for )(?<!of )(?<!to ){QUOTED}{NOUN} {SAID}"),
    re.compile(rf"{BARE}{NOUN} {SAID}"),
    re.compile(rf"{QUOTED} and {QUOTED.replace('key', 'other')}{NOUN} are deprecated"),
    re.compile(rf"deprecated {QUOTED} argument"),
)
ITSELF = re.compile(r"(?:[Tt]his|The) (?:argument|parameter|option|flag) (?:is|has been) (?:now )?deprecated")
STARTS = re.compile(r"^\W*deprecated\b(?! alias of \w+ value)", re.IGNORECASE)
INSTEAD = (
    re.compile(r"`(?:--)?(?P<key>\w+)` is preferred"),
    re.compile(
        r"(?:alias (?:of|for)|replaced (?:by|with)|renamed to|in favou?r of|[Pp]refer) (?:the )?`?(?:--)?(?P<key>\w+)"
    ),
    re.compile(r"\{'(?P<inner>\w+)': ?\w+\} to `(?P<key>\w+)`"),
    re.compile(r"[Uu]se (?:the )?[`'\"]?(?:--)?(?P<key>\w+)(?: \{'(?P<inner>\w+)')?"),
    re.compile(r"[Ss]et (?:the )?`(?:--)?(?P<key>\w+)`"),
    re.compile(r"in (?:the )?`(?P<key>\w+)` argument"),
)
NO_EFFECT = re.compile(r"\bignored\b|no effect|no longer used|not used|safely remove", re.IGNORECASE)
ENTRY = re.compile(r"^\s*`?(?P<key>\w+)`?\s*\(.*\):\s*(?P<rest>.*)$")
"""`name (type, *optional*): …`; a heading of the docstring has no type."""


@record
class Deprecation:
    """`by`: the key to write; `effect`: `warns`, `moved` (its value is handed on), `ignored` or `error`."""

    by: str | None
    effect: str

    def keywords(self) -> dict[str, object]:
        """As it stands in `x-deprecated`."""
        return {**({"by": self.by} if self.by else {}), "effect": self.effect}


def from_functions(
    functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef], keys: Iterable[str]
) -> dict[str, Deprecation]:
    """Key -> what the warnings in these functions say of it. `keys`: all that the class takes."""
    known = frozenset(keys)
    found: dict[str, Deprecation] = {}
    for function in functions:
        for statements, message, is_error in _messages(function):
            for key in _subjects(message, known):
                by, effect = _handed_on(statements, key, known), "moved"
                if by is None:
                    by = _instead(message, key, known)
                    effect = "error" if is_error else "ignored" if NO_EFFECT.search(message) else "warns"
                found.setdefault(key, Deprecation(by, effect))
        for old, new in _pairs(function):
            if old in known:
                found.setdefault(old, Deprecation(new, "moved"))
    return found


def from_text(text: str, key: str, keys: Iterable[str]) -> Deprecation | None:
    """What the help or the documentation of one key says of it; None where it is not deprecated."""
    known = frozenset(keys)
    plain = " ".join(text.split())
    said = STARTS.search(plain) or ITSELF.search(plain)
    if said is None and not any(found == key for found in _subjects(plain, known, "deprecated")):
        return None
    start = said.start() if said else 0
    effect = "ignored" if NO_EFFECT.search(plain[start:]) else "warns"
    return Deprecation(_instead(plain[start:], key, known), effect)


def documented(docstring: str | None) -> dict[str, str]:
    """Key -> its paragraph in the `Args:` of a docstring."""
    found: dict[str, str] = {}
    key, indent = None, 0
    for line in (docstring or "").expandtabs().splitlines():
        width = len(line) - len(line.lstrip())
        entry = ENTRY.match(line)
        if entry is not None and (key is None or width <= indent):
            key, indent = entry["key"], width
            found.setdefault(key, entry["rest"])
        elif key is not None and line.strip():
            if width <= indent:
                key = None
            else:
                found[key] += f" {line.strip()}"
    return found


def _messages(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[Sequence[ast.stmt], str, bool]]:
    """(the statements around it, its text, whether it is raised) of each warning or error."""
    for node in ast.walk(function):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            for statement in body if isinstance(body, list) else ():
                raised = isinstance(statement, ast.Raise) and isinstance(statement.exc, ast.Call)
                call = statement.exc if isinstance(statement, ast.Raise) else getattr(statement, "value", None)
                if not isinstance(call, ast.Call) or not call.args:
                    continue
                if raised or WARNING_CALLS.search(ast.unparse(call.func)):
                    yield body if isinstance(body, list) else [], _text(call.args[0]), raised


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return "…"  # what is only known when it runs


def _subjects(message: str, keys: frozenset[str], word: str = "") -> Iterator[str]:
    plain = " ".join(message.split())
    for pattern in SUBJECTS:
        for match in pattern.finditer(plain):
            if word in match[0]:
                yield from (name for name in match.groupdict().values() if name in keys)


def _instead(text: str, key: str, keys: frozenset[str]) -> str | None:
    plain = " ".join(text.split())
    for pattern in INSTEAD:
        for match in pattern.finditer(plain):
            if match["key"] in keys and match["key"] != key:
                inner = match.groupdict().get("inner")
                return f"{match['key']}.{inner}" if inner else match["key"]
    return None


def _handed_on(statements: Sequence[ast.stmt], key: str, known: Container[str], within: str = "") -> str | None:
    """The setting that is given this one's value; a local variable is none."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Attribute, ast.Subscript, ast.Name)):
                target = _path(node.targets[0])
                if target is None or target == key or not target.startswith(within):
                    continue
                is_setting = ast.unparse(node.targets[0]).startswith("self.") or target.partition(".")[0] in known
                if is_setting and _mentions(node.value, key):
                    return target
    return None


def _path(node: ast.expr) -> str | None:
    """`self.a.b` and `self.a["b"]` as `a.b`."""
    text = ast.unparse(node)
    found = re.fullmatch(r"(?:self\.)?(\w+(?:\.\w+)*)(?:\['(\w+)'\])?", text)
    return None if found is None else ".".join(part for part in found.groups() if part)


def _mentions(node: ast.expr, key: str) -> bool:
    return any(
        (isinstance(inner, ast.Attribute) and inner.attr == key) or (isinstance(inner, ast.Name) and inner.id == key)
        for inner in ast.walk(node)
    )


def _pairs(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    """`for old, new in ((…, …), …)` with a warning that `old` is deprecated."""
    for node in ast.walk(function):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2:
            if "deprecated" not in ast.unparse(node) or ast.unparse(node.target.elts[0]) != "old":
                continue
            try:
                rows = ast.literal_eval(node.iter)
            except ValueError:
                continue
            yield from (row for row in rows if len(row) == 2)


def by_decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Deprecation]:
    """Names that decorators still take, and what becomes of them.

    `@deprecate_kwarg("old", "1.0", "new")` of transformers hands the value on; huggingface_hub's
    `@_deprecate_arguments(deprecated_args=[…])` warns, and the function does with it what it likes.
    """
    found: dict[str, Deprecation] = {}
    for node in function.decorator_list:
        if not isinstance(node, ast.Call):
            continue
        words = {keyword.arg: keyword.value for keyword in node.keywords}
        decorator = ast.unparse(node.func).rpartition(".")[2]
        if decorator == "deprecate_kwarg":
            old, new = _constant(node.args, 0, words.get("old_name")), _constant(node.args, 2, words.get("new_name"))
            if isinstance(old, str):
                found[old] = Deprecation(new if isinstance(new, str) else None, "moved" if new else "warns")
        elif decorator == "_deprecate_arguments":
            names = _constant([], 0, words.get("deprecated_args"))
            for name in names if isinstance(names, (list, tuple, set)) else ():
                found[name] = Deprecation(_handed_on(function.body, name, ("args",), within="args."), "warns")
    return found


def _constant(arguments: Sequence[ast.expr], place: int, named: ast.expr | None) -> object:
    node = named if named is not None else arguments[place] if place < len(arguments) else None
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
