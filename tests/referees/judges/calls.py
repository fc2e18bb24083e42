"""The call that a script makes, as Python would make it: the name and its keyword arguments."""

from __future__ import annotations

import ast
from typing import Any


def read_call(text: str) -> tuple[str, dict[str, Any]]:
    """The last assignment's call; SyntaxError for what Python refuses, such as a keyword given twice."""
    tree = ast.parse(text)
    compile(text, "train.py", "exec")
    call = tree.body[-1]
    if not isinstance(call, ast.Assign) or not isinstance(call.value, ast.Call):
        raise TypeError("the text's last statement has to assign a call")
    keywords = {each.arg: ast.literal_eval(each.value) for each in call.value.keywords if each.arg is not None}
    return ast.unparse(call.value.func), keywords
