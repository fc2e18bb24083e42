"""Shell text as words with offsets, and what its variables hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftlint.syntax.shell import Variables, commands_inside, simple_commands


def words(text: str) -> list[list[str]]:
    return [[word.text for word in command] for command in simple_commands(text)]


def filled(text: str) -> list[list[str | None]]:
    """The last command's words with variables filled in."""
    commands = list(simple_commands(text))
    variables = Variables(commands, text)
    return [[variables.text(word) for word in variables.expanded(command)] for command in commands[-1:]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b  c\n", [["a", "b", "c"]]),
        ("a \\\n  b\nc", [["a", "b"], ["c"]]),
        ("a \\\r\n  b\r\nc", [["a", "b"], ["c"]]),
        ("a && b || c; d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a --x='b c'd # comment\n# more\ne#f", [["a", "--x=b cd"], ["e#f"]]),
        ("a > log 2>&1 < in b &> x", [["a", "b"]]),
        ("(cd x && a)", [["cd", "x"], ["a"]]),
        ("a $(b c) `d e` ${f:-g h}", [["a", "$(b c)", "`d e`", "${f:-g h}"]]),
        ("a 'half", [["a", "half"]]),
    ],
)
def test_words(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("N=8\na $N ${N} x$N", ["a", "8", "8", "x8"]),
        ('N="8"\na "$N"', ["a", "8"]),
        ("export N=8\na $N", ["a", "8"]),
        ('C="b --n 8"\na $C d', ["a", "b", "--n", "8", "d"]),
        ('N=8\nC="b $N"\na $C', ["a", "b", "8"]),
        ("a $N", ["a", None]),
        ("N=${M:-8}\na $N", ["a", None]),
        ("N=$(nproc)\na $N", ["a", None]),
        ("N=8\nN=4\na $N", ["a", None]),
        ("if x; then\n  N=8\nfi\na $N", ["a", None]),
        ("for N in 1 2; do a $N", ["do", "a", None]),
        ("N=8\nread N\na $N", ["a", None]),
        ("N=8 a $N", ["N=8", "a", None]),
        ("N=8\nsource other.sh\na $N", ["a", None]),
        ("N=8\nsource venv/bin/activate\na $N", ["a", "8"]),
        ("N=$N\na $N", ["a", None]),
    ],
)
def test_variables_hold_what_is_assigned_once(text: str, expected: list[str | None]) -> None:
    assert filled(text) == [expected]


def test_what_a_variable_holds_stands_where_it_is_assigned() -> None:
    text = 'C="b --n 8"\na $C\n'
    commands = list(simple_commands(text))
    expanded = Variables(commands, text).expanded(commands[-1])
    assert [text[word.span.start : word.span.end] for word in expanded] == ["a", "b", "--n", "8"]


def test_commands_in_quotes() -> None:
    (command,) = simple_commands('bash -c "cd x && a b"')
    assert [[word.text for word in inner] for inner in commands_inside(command[2])] == [["cd", "x"], ["a", "b"]]


def test_variables_of_variables_do_not_grow_without_end() -> None:
    bomb = "".join(f'V{n}="{f"$V{n + 1} " * 1000}"\n' for n in range(5))
    text = f"V5=x\n{bomb}a $V0 b$V0"
    commands = list(simple_commands(text))
    variables = Variables(commands, text)
    assert len(variables.expanded(commands[-1])) < 10_000
    assert variables.text(commands[-1][2]) is None


@given(st.text(alphabet="ab=$'\"\\ \n;&|<>(){}`#N-", max_size=40))
def test_every_word_stands_at_its_place(text: str) -> None:
    commands = list(simple_commands(text))
    variables = Variables(commands, text)
    for command in commands:
        for word in (*command, *variables.expanded(command)):
            assert text[word.span.start : word.span.end] == word.raw
            variables.text(word)
