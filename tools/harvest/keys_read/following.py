"""What happens to followed mappings, and to the tables that a program makes, when they are read and written."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tools.harvest.keys_read.abstract import (
    Constant,
    EachKey,
    Followed,
    Held,
    Values,
    is_key,
    item,
    plain,
    sequence,
)


def read(owner: Followed, key: object, default: Values, *, is_demanded: bool = False) -> Values:
    """Note that a key is read; what lies there, or its default."""
    if not isinstance(key, str):
        return []
    entry = owner.reads.key(key)
    entry.is_demanded |= is_demanded
    for value in default:
        constant = plain(value)
        # By their text: False is not 0.
        if constant is not None and repr(constant.value) not in map(repr, entry.defaults):
            entry.defaults.append(constant.value)
    return [Followed(entry.below), *default]


def call(owner: Followed, method: str, args: list[Values], *, is_certain: bool) -> Values:
    """A dictionary's own methods."""
    if method in ("get", "pop", "setdefault") and args:
        without: Values = [] if method == "pop" else [Constant(None)]
        default = args[1] if len(args) > 1 else without
        is_demanded = is_certain and method == "pop" and len(args) == 1
        keys = [key.value for key in args[0] if isinstance(key, Constant)]
        return [value for key in keys for value in read(owner, key, default, is_demanded=is_demanded)]
    if method in ("keys", "copy"):
        return [owner]
    if method in ("items", "values"):
        each: Values = [Followed(owner.reads.every())]
        return [sequence([[sequence([[EachKey(owner.reads)], each])] if method == "items" else each])]
    return []


def subscript(owners: Values, keys: Values, *, is_certain: bool) -> Values:
    """`owner[key]`."""
    found: Values = []
    for key in keys:
        for owner in owners:
            if isinstance(key, Constant) and isinstance(owner, Followed):
                found += read(owner, key.value, [], is_demanded=is_certain)
            elif isinstance(key, Constant):
                found += item([owner], key.value)
            elif isinstance(key, EachKey) and isinstance(owner, Followed):
                found.append(Followed(owner.reads.every()))
    return found


def store(owners: Values, keys: Values, values: Values, *, is_certain: bool) -> None:
    """`owner[key] = value`, and `owner.key = value`; what is not certain leaves the old value possible."""
    for owner in owners:
        if not isinstance(owner, Held):
            continue
        names = [key.value for key in keys if isinstance(key, Constant) and is_key(key.value)]
        for name in names:
            owner.names[name] = values if is_certain else [*owner.names.get(name, []), *values]
        if not names:
            _merge(owner, values)


def _merge(table: Held, values: Values) -> None:
    """`for key, value in mapping.items(): table[key] = value`: the table's own keys are those that are meant."""
    for value in values:
        if isinstance(value, Followed) and value.reads.whole is not None:
            for name, content in table.names.items():
                if isinstance(name, str):
                    entry = value.reads.whole.key(name)
                    entry.defaults += [constant.value for v in content if (constant := plain(v)) is not None]


def compare(parts: Sequence[Values], operators: Sequence[ast.cmpop]) -> None:
    """`key in owner` asks for the key."""
    for keys, operator, owners in zip(parts, operators, parts[1:], strict=False):
        if isinstance(operator, (ast.In, ast.NotIn)):
            for owner in owners:
                for key in keys:
                    if isinstance(owner, Followed) and isinstance(key, Constant) and isinstance(key.value, str):
                        owner.reads.key(key.value)


def refuse(keys: Values, operator: ast.cmpop, owners: Values) -> None:
    """`if key in owner: raise`."""
    if isinstance(operator, ast.In):
        for owner in owners:
            for key in keys:
                if isinstance(owner, Followed) and isinstance(key, Constant) and isinstance(key.value, str):
                    owner.reads.key(key.value).is_refused = True
