"""The language of conditions: what it admits, what it answers, and that unknown never becomes yes."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.rulebook.when import Outcome, WhenError, parse_when
from ftlint.rulebook.when.values import Value, contained, equal, ordered
from ftlint.run.fact import UNKNOWN, Fact, Truth
from ftlint.run.key import Section

YES, NO, DUNNO = Truth.YES, Truth.NO, Truth.UNKNOWN


class Facts:
    """An environment that is a mapping; what is in it is written."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def fact(self, dotted: str) -> Fact[Any]:
        return Fact(self.values.get(dotted, UNKNOWN))

    def written(self, dotted: str) -> Truth:
        return Truth.of(dotted in self.values)

    def has_keys(self, dotted: str) -> bool:
        return any(name.startswith(f"{dotted}.") for name in self.values)


def ask(text: str, **values: object) -> Outcome:
    return parse_when(text).evaluate(Facts({name.replace("__", "."): value for name, value in values.items()}))


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a.b == 3", {"a__b": 3}, YES),
        ("a.b == 3", {}, DUNNO),
        ("a.b != 3", {}, DUNNO),
        ('a == "3"', {"a": 3}, DUNNO),
        ('a != "3"', {"a": 3}, DUNNO),
        ("a == 1", {"a": True}, DUNNO),
        ("a == 1", {"a": 1.0}, YES),
        ("a == True", {"a": True}, YES),
        ("a == None", {"a": None}, YES),
        ("a is None", {"a": "x"}, NO),
        ("a is not None", {"a": Section.MAPPING}, YES),
        ("a is None", {}, DUNNO),
        ("a < 3", {"a": 2}, YES),
        ("given(a)", {}, NO),
        ("given(a)", {"a": False}, NO),
        ("given(a)", {"a": None}, NO),
        ("given(a)", {"a": 0}, NO),
        ("given(a)", {"a": ""}, NO),
        ("given(a)", {"a": ()}, NO),
        ("given(a)", {"a": "no"}, YES),
        ("given(a)", {"a": (UNKNOWN,)}, YES),
        ("given(a)", {"a": UNKNOWN}, DUNNO),
        ("given(a)", {"a": Section.MAPPING}, DUNNO),
        ("given(a)", {"a": Section.MAPPING, "a__b": None}, YES),
        ("a < 3", {"a": "2"}, DUNNO),
        ("a < 3", {"a": True}, DUNNO),
        ("a < 3", {"a": float("nan")}, DUNNO),
        ("a == a", {"a": float("nan")}, DUNNO),
        ('a < "x"', {"a": "b"}, DUNNO),
        ("0 < a <= 3", {"a": 3}, YES),
        ("0 < a <= 3", {"a": 4}, NO),
        ("0 < a <= b", {"a": 0}, NO),
        ("0 < a <= b", {"a": 1}, DUNNO),
        ('a in ("cpu", "nvme")', {"a": "cpu"}, YES),
        ('a in ("cpu", "nvme")', {"a": "none"}, NO),
        ('a not in ("cpu", "nvme")', {"a": None}, YES),
        ('a not in ("cpu", "nvme")', {"a": 3}, DUNNO),
        ('"lm_head" in a', {"a": ("q_proj", "lm_head")}, YES),
        ('"lm_head" in a', {"a": ("q_proj", UNKNOWN)}, DUNNO),
        ('"lm_head" in a', {"a": "q_proj,lm_head"}, YES),
        ('"lm_head" in a', {"a": Section.MAPPING}, DUNNO),
        ("a == (0.9, 0.95)", {"a": (0.9, 0.95)}, YES),
        ("a == (0.9, 0.95)", {"a": (0.9,)}, NO),
        ("a", {"a": True}, YES),
        ("not a", {"a": False}, YES),
        ("not a", {"a": "false"}, DUNNO),
        ("not a", {"a": None}, DUNNO),
        ("a * 2 + 1 == 7", {"a": 3}, YES),
        ("-a // 2 == -2", {"a": 3}, YES),
        ("a % b == 0", {"a": 3, "b": 0}, DUNNO),
        ("a / b == 0", {"a": 10**400, "b": 3}, DUNNO),
        ("a + 1 == 2", {"a": True}, DUNNO),
        ("written(a)", {"a": UNKNOWN}, YES),
        ("written(a)", {}, NO),
        ("known(a)", {"a": UNKNOWN}, NO),
        ("known(a)", {"a": None}, YES),
        ('kind(a) == "text"', {"a": "3"}, YES),
        ('kind(a) == "list"', {"a": Section.SEQUENCE}, YES),
        ('kind(a) == "flag"', {"a": 1}, NO),
        ('kind(a) == "flag"', {}, DUNNO),
        ("len(a) > 1", {"a": ("x", UNKNOWN)}, YES),
        ("len(a) > 1", {"a": 7}, DUNNO),
        ('lower(a) == "bf16"', {"a": "BF16"}, YES),
        ("truthy(a)", {"a": "false"}, YES),
        ("truthy(a)", {"a": 0}, NO),
        ("truthy(a)", {"a": None}, NO),
        ("truthy(a)", {}, DUNNO),
        ('startswith(a, "adamw")', {"a": "adamw_torch"}, YES),
        ('endswith(a, "8bit")', {"a": "adamw_torch"}, NO),
        ('"all" in split(a, ",")', {"a": "small, all"}, YES),
        ('"all" in split(a, ",")', {"a": "small"}, NO),
        ('matches(a, "(?i)qwen[0-9.]+")', {"a": "Qwen/Qwen2.5-7B"}, YES),
        ('matches(a, "x")', {"a": "y" * 10_000}, DUNNO),
        ('a["b-c"].d == 1', {"a__b-c__d": 1}, YES),
        ('key("b-c.d") == 1', {"b-c__d": 1}, YES),
        ("a[0].path == 1", {"a__0__path": 1}, YES),
        ("a == 1 or b == 1", {"b": 1}, YES),
        ("a == 1 and b == 1", {"b": 2}, NO),
        ("a == 1 and b == 1", {"b": 1}, DUNNO),
    ],
)
def test_answers(text: str, values: dict[str, object], expected: Truth) -> None:
    assert ask(text, **values).truth is expected


@pytest.mark.parametrize(
    ("text", "values", "reads"),
    [
        ("a == 1 and b == 1", {"a": 1, "b": 1}, ("a", "b")),
        ("a == 1 or b == 1", {"a": 2, "b": 1}, ("b",)),
        ("not (a == 1 or b == 1)", {"a": 2, "b": 2}, ("a", "b")),
        ("not (a == 1 and b == 1)", {"a": 1, "b": 2}, ("b",)),
        ("c == 1 and (a == 1 or b == 1)", {"a": 2, "b": 1, "c": 1}, ("c", "b")),
        ("written(a) and b < a", {"a": 2, "b": 1}, ("a", "b")),
    ],
)
def test_only_what_decided_is_remembered(text: str, values: dict[str, object], reads: tuple[str, ...]) -> None:
    assert ask(text, **values) == Outcome(YES, reads)


def test_half_typed_text_does_not_prove_that_a_key_is_unknown() -> None:
    class HalfTyped(Facts):
        def written(self, dotted: str) -> Truth:
            return Truth.UNKNOWN

    assert parse_when("not known(a)").evaluate(HalfTyped({})).truth is DUNNO


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("writen(a)", "did you mean 'written'?", "writen(a)"),
        ("a == true", "write True", "true"),
        ("a == 1 and b ==", "is not an expression", None),
        ("a is 3", "write `== 3`", "3"),
        ("(lambda: a)()", "not allowed", "(lambda: a)()"),
        ("[x for x in a]", "not allowed", "[x for x in a]"),
        ('a == f"{b}"', "not allowed", 'f"{b}"'),
        ("a ** 2 == 4", "not allowed", "a ** 2"),
        ("a.lower() == 1", "not allowed", "a.lower()"),
        ("__import__('os')", "there is no function", "__import__('os')"),
        ("a == b''", "not allowed", "b''"),
        ("written(3)", "not the name of a key", "3"),
        ("written(a, b)", "takes one key", "written(a, b)"),
        ("len(a, b) == 1", "takes 1 values, not 2", "len(a, b)"),
        ('key("a..b") == 1', "takes one quoted name", 'key("a..b")'),
        ('a["x.y"] == 1', "not the name of a key", 'a["x.y"]'),
        ('matches(a, "(a+)+$")', "could take very long", '"(a+)+$"'),
        ('matches(a, "(")', "not a regular expression", '"("'),
        ("matches(a, b)", "must be a text literal", "b"),
        ("3 == 3", "reads no key", "3 == 3"),
        ("(a := 3) == 3", "not allowed", "a := 3"),
        ("a == 1 if b else c", "not allowed", "a == 1 if b else c"),
        ("", "is not an expression", None),
        ("a == 1\0", "", None),
        ("not " * 1500 + "a", "", None),
        ("(" * 1900, "", None),
        ("a == 1" + " " * 3000, "longer than", None),
        ('"é" == a and "é" == true', "write True", "true"),
        ("  a == true", "write True", "true"),
    ],
)
def test_refusals_point_at_what_is_wrong(text: str, message: str, marked: str | None) -> None:
    with pytest.raises(WhenError) as caught:
        parse_when(text)
    span = caught.value.span
    assert message in str(caught.value)
    assert 0 <= span.start <= span.end <= len(text)
    if marked is not None:
        assert text[span.start : span.end] == marked


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_when(text).evaluate(Facts({}))
    except WhenError as error:
        refused = error
    else:
        return
    assert 0 <= refused.span.start <= refused.span.end <= len(text)


# Laws, over conditions built at random and facts of every type, some unknown.

NAMES = ("a", "b", "c")
LITERALS = ("0", "1", "2.5", '"x"', '""', "True", "False", "None", "(1, 2)", '("x", None)')
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(),
    st.sampled_from(["x", "", "2"]),
    st.just(UNKNOWN),
    st.sampled_from(list(Section)),
    st.tuples(st.integers(0, 2), st.sampled_from(["x", UNKNOWN])),
)
ENVIRONMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES).map(Facts)


def _comparisons() -> st.SearchStrategy[str]:
    operand = st.sampled_from(NAMES + LITERALS + ("a + b", "len(a)", "lower(b)", "kind(c)"))
    symbol = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
    compared = st.builds(lambda left, sign, right: f"{left} {sign} {right}", operand, symbol, operand)
    return st.one_of(compared, st.sampled_from(NAMES), st.sampled_from(["written(a)", "known(b)"]))


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda left, right: f"({left} and {right})", inner, inner),
        st.builds(lambda left, right: f"({left} or {right})", inner, inner),
        st.builds(lambda operand: f"(not {operand})", inner),
    )


CONDITIONS = st.recursive(_comparisons().map(lambda text: f"({text})"), _joined, max_leaves=6)


def truth_of(text: str, facts: Facts) -> Truth:
    return parse_when(f"({text}) or (a == 1 and not a == 1 and False)").evaluate(facts).truth


@given(CONDITIONS, CONDITIONS, ENVIRONMENTS)
def test_de_morgan(left: str, right: str, facts: Facts) -> None:
    assert truth_of(f"not ({left} and {right})", facts) is truth_of(f"not {left} or not {right}", facts)
    assert truth_of(f"not ({left} or {right})", facts) is truth_of(f"not {left} and not {right}", facts)


@given(CONDITIONS, ENVIRONMENTS)
def test_double_negation(text: str, facts: Facts) -> None:
    assert truth_of(f"not not {text}", facts) is truth_of(text, facts)


@given(CONDITIONS, ENVIRONMENTS)
def test_an_answer_holds_whatever_the_unknown_is(text: str, facts: Facts) -> None:
    """What is said before a value is known must still be true when it is: unknown is never taken for something."""
    if "known(" in text or "written(" in text:
        return  # these ask about knowledge itself
    before = truth_of(text, facts)
    for name in NAMES:
        if facts.values.get(name, UNKNOWN) is UNKNOWN:
            for value in (None, True, 0, 2.5, "x", (1, "x"), Section.MAPPING):
                after = truth_of(text, Facts({**facts.values, name: value}))
                if before is not DUNNO:
                    assert after is before or after is DUNNO


@given(CONDITIONS)
def test_nothing_fires_where_nothing_is_known(text: str) -> None:
    if "known(" not in text and "written(" not in text and any(f"{name}" in text for name in NAMES):
        facts = Facts(dict.fromkeys(NAMES, UNKNOWN))
        outcome = parse_when(f"a == 1 and {text}").evaluate(facts)
        assert outcome.truth is not YES


@given(CONDITIONS, ENVIRONMENTS)
def test_what_was_read_decides_alone(text: str, facts: Facts) -> None:
    """With only the remembered facts the answer is the same, so related lines prove the finding."""
    condition = parse_when(f"({text}) or (a == 1 and not a == 1 and False)")
    outcome = condition.evaluate(facts)
    if outcome.truth is YES and "written(" not in text and "known(" not in text:
        kept = {name: value for name, value in facts.values.items() if name in outcome.reads}
        assert condition.evaluate(Facts(kept)).truth is YES


@given(VALUES, VALUES)
def test_comparing_never_raises_and_is_symmetric(left: Value, right: Value) -> None:
    assert equal(left, right) is equal(right, left)
    assert ordered(operator.lt, left, right) is ordered(operator.gt, right, left)
    assert isinstance(contained(left, right), Truth)
