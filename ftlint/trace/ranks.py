"""Whether an `if` lets one rank through alone: read off the words of its condition, which all frameworks share.

What is asked is which ranks reach the body, so the names decide: nobody calls anything else `is_main_process`, and a
rank that is compared with 0 is one rank's. Whatever is not plainly such a condition is none.
"""

from __future__ import annotations

import ast
import re

from ftlint.run.fact import Truth

_RANK = re.compile(r"(^|_)(rank|process_index|proc_id|rank_id)$", re.IGNORECASE)
_OTHER_RANKS = re.compile(r"lora|adapter|matrix|low|galore", re.IGNORECASE)
_MAIN = re.compile(
    r"^(is_)?(local_|world_|global_)?(main|master|primary)(_process|_rank|_node|_proc)?$"
    r"|^is_(local_|world_|global_)?(main|master)\w*$|^is_(world_|local_)?process_zero$|^is_rank_?(zero|0)$|^rank_?(zero|0)$",
    re.IGNORECASE,
)
_ALONE = re.compile(r"is_initialized|is_available|distributed|world_size|num_processes|ddp|multi_gpu", re.IGNORECASE)
_CASTS = frozenset({"int", "str"})


def lets_rank_zero_through(test: ast.expr) -> Truth:
    """YES: only rank 0 runs the body; NO: all but rank 0 run it; UNKNOWN: it is another condition."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        if names_a_rank(test.operand):
            return Truth.YES  # `if not rank:`
        return lets_rank_zero_through(test.operand).negated()
    if isinstance(test, ast.BoolOp):
        return _several(test)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _comparison(test.left, test.ops[0], test.comparators[0])
    name = _name(test)
    if _MAIN.match(name):
        return Truth.YES
    return Truth.NO if names_a_rank(test) else Truth.UNKNOWN  # `if rank:`


def names_a_rank(node: ast.expr) -> bool:
    """Whether an expression is a rank by its name; a LoRA's rank is another thing."""
    name = _name(node)
    return bool(_RANK.search(name)) and not _OTHER_RANKS.search(name)


def _several(test: ast.BoolOp) -> Truth:
    answers = [lets_rank_zero_through(part) for part in test.values]
    decisive = Truth.YES if isinstance(test.op, ast.And) else Truth.NO
    if decisive in answers:
        return decisive
    # `not is_initialized() or rank == 0`: in a run of several ranks the first half is false.
    others = [part for part, answer in zip(test.values, answers, strict=True) if answer is Truth.UNKNOWN]
    if len(others) < len(answers) and all(_ALONE.search(ast.unparse(part)) for part in others):
        return decisive.negated()
    return Truth.UNKNOWN


def _comparison(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Truth:
    if _is_zero(left):
        left, right = right, left
    if not names_a_rank(left):
        return Truth.UNKNOWN
    if isinstance(operator, (ast.Eq, ast.Is, ast.LtE)):
        return Truth.YES if _is_zero(right) else Truth.UNKNOWN
    if isinstance(operator, (ast.NotEq, ast.IsNot, ast.Gt)):
        return Truth.NO if _is_zero(right) else Truth.UNKNOWN
    inside = right.elts if isinstance(right, (ast.Tuple, ast.List, ast.Set)) else []
    if {ast.unparse(part) for part in inside} in ({"0"}, {"0", "-1"}):
        if isinstance(operator, ast.In):
            return Truth.YES
        if isinstance(operator, ast.NotIn):
            return Truth.NO
    return Truth.UNKNOWN


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (0, "0") and not isinstance(node.value, bool)


def _name(node: ast.expr) -> str:
    """The last name by which a value is reached: of `dist.get_rank()`, `args.rank`, `int(os.environ["RANK"])`."""
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if name in _CASTS and len(node.args) == 1:
            return _name(node.args[0])
        if name in ("get", "getenv") and node.args and isinstance(node.args[0], ast.Constant):
            return str(node.args[0].value)
        return name
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return node.id if isinstance(node, ast.Name) else ""
