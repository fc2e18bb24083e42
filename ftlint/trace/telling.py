"""Blocks that only tell somebody something: reading both ways around them would cost paths and show nothing."""

from __future__ import annotations

import ast
from enum import Enum

_FUNCTIONS = frozenset({"print", "pprint", "display", "warn", "barrier", "sleep"})
_METHODS = frozenset(
    {
        "print", "info", "debug", "warning", "error", "log", "log_metrics", "write", "add_scalar", "set_description",
        "set_postfix", "warn", "flush", "barrier", "wait_for_everyone", "empty_cache", "makedirs", "mkdir",
        "save_metrics", "info_once", "warning_once", "warning_rank_0", "info_rank0",
    }
)  # fmt: skip
# What may be called inside what is told.
_HARMLESS = frozenset(
    {
        "len", "str", "int", "float", "round", "sum", "min", "max", "format", "item", "time", "perf_counter", "join",
        "strftime", "now", "get_last_lr", "mean", "keys", "get_rank", "numel", "dict", "list", "type", "repr", "exp",
        "max_memory_allocated", "memory_allocated", "tolist", "elapsed",
    }
)  # fmt: skip


class Aside(Enum):
    """What an `if` without `else` does besides what a trace is about."""

    NONE = "it matters"
    TELLS = "it only tells"
    RAISES = "it tells, and ends in an error"


def aside_of(node: ast.If) -> Aside:
    """What one `if` is."""
    if node.orelse:
        return Aside.NONE
    *before, last = node.body
    if not all(_tells(statement) for statement in before):
        return Aside.NONE
    if isinstance(last, ast.Raise):
        return Aside.RAISES
    return Aside.TELLS if _tells(last) else Aside.NONE


def _tells(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    call = statement.value
    if isinstance(call, ast.Constant):
        return True
    if not isinstance(call, ast.Call) or not _is_named(call, _FUNCTIONS, _METHODS):
        return False
    inside = [part for argument in (*call.args, *call.keywords) for part in ast.walk(argument)]
    return all(
        _is_named(part, _HARMLESS, _HARMLESS) if isinstance(part, ast.Call) else not isinstance(part, ast.NamedExpr)
        for part in inside
    )


def _is_named(call: ast.Call, functions: frozenset[str], methods: frozenset[str]) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in functions
    return isinstance(function, ast.Attribute) and function.attr in methods
