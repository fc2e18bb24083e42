"""Finds the function that a page's `check` names, below `ftlint.checks` only: no other code ever runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import cache

from ftlint.errors import PageError, nearest
from ftlint.findings import Match
from ftlint.rulebook.inputs import PARAMETERS, Inputs
from ftlint.rulebook.page import Rule

HOME = "ftlint.checks."


def call_check(rule: Rule, inputs: Inputs) -> Iterable[Match]:
    """What the rule's check finds; nothing where the variant lacks an input that it declares."""
    function, parameters = check_function(rule)
    arguments = {name: inputs.get(name) for name in parameters}
    if any(argument is None for argument in arguments.values()):
        return ()
    return function(**arguments)


def check_function(rule: Rule) -> tuple[Callable[..., Iterable[Match]], tuple[str, ...]]:
    """The function of a rule with `check`, and the names of its parameters; a PageError where there is none."""
    assert rule.check is not None
    try:
        return _find(rule.check)
    except LookupError as error:
        raise PageError(f"{rule.path}: check: {error.args[0]}") from None


@cache
def _find(dotted: str) -> tuple[Callable[..., Iterable[Match]], tuple[str, ...]]:
    module_name, _, function_name = dotted.partition(":")
    if not module_name.startswith(HOME):
        raise LookupError(f"{dotted!r} is not below {HOME}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise  # the module is there but misses something itself: our own fault, to be seen as such
        raise LookupError(f"there is no module {module_name}") from None
    function = getattr(module, function_name, None)
    code = getattr(function, "__code__", None)
    # What a check module imports from elsewhere is not a check of ours.
    if function is None or code is None or function.__module__ != module_name:
        defined = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module_name]
        raise LookupError(f"{module_name} has no function {function_name!r}{nearest(function_name, defined)}")
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in parameters:
        if name not in PARAMETERS:
            raise LookupError(f"{dotted} declares {name!r}; a check can have {', '.join(PARAMETERS)}")
    return function, parameters
