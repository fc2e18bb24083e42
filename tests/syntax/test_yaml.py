from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ftlint.syntax.document import AliasNode, FaultCause, Format, MappingNode
from ftlint.syntax.scalars import ScalarRules
from ftlint.syntax.walk import TooManyNodesError, entry_of, node_at, plain_value, walk
from tests.syntax.samples import RECIPE
from tests.syntax.trees import check_spans, parse_data, texts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.booleans())
def test_reads_what_pyyaml_writes(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    document = parse_data(text, Format.YAML)
    check_spans(document)
    assert document.strict
    # Not `value`: PyYAML does not read back every line break that it writes.
    assert plain_value(document.roots[0], ScalarRules.PYYAML) == yaml.load(text, yaml.CSafeLoader)


@given(st.integers(0, len(RECIPE)))
def test_any_prefix_parses_and_keeps_the_keys_before(length: int) -> None:
    document = parse_data(RECIPE[:length], Format.YAML)
    check_spans(document)
    if length > RECIPE.index("stages:"):
        root = document.roots[0]
        assert isinstance(root, MappingNode)
        assert [entry.key.text for entry in root.entries[:2]] == ["model", "learning_rate"]


@given(st.text(alphabet="ab:-#?&*!|>'\"[]{},%@ \n\r\té\x85\x07\u2028", max_size=40))
def test_any_text_parses_and_strict_means_that_pyyaml_accepts(text: str) -> None:
    document = parse_data(text, Format.YAML)
    check_spans(document)
    try:
        values = list(yaml.load_all(text, yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError):
        values = None
    if document.strict:
        assert values is not None
        ours = [plain_value(root, ScalarRules.PYYAML) for root in document.roots]
        assert ours == values or (ours, values) == ([], [None])


def test_spans_count_code_points() -> None:
    text = "é𝄞: [ü, 'x#y'] # ö\nb: 2\n"
    document = parse_data(text, Format.YAML)
    check_spans(document)
    assert [comment.text for comment in document.comments] == ["# ö"]


def test_comments_are_not_found_in_scalars() -> None:
    comments = parse_data(RECIPE, Format.YAML).comments
    assert [(comment.text, comment.alone) for comment in comments] == [
        ("# a recipe", True),
        ("# from the Hub", False),
        ("# a comment", False),
    ]


@pytest.mark.parametrize(
    ("text", "tree", "cause"),
    [
        ("a: 1\nlea\nb: 2\n", {"a": "1", "lea": None, "b": "2"}, FaultCause.SYNTAX),
        ("a:\n  b: 1\n  lea\n  c: 2\n", {"a": {"b": "1", "lea": None, "c": "2"}}, FaultCause.SYNTAX),
        ("mod\nmodel: x\nb: 1\n", {"mod": None, "model": "x", "b": "1"}, FaultCause.SYNTAX),
        ("# c\nof two words\n\n# d\nmodel: x\nb: 1\n", {"model": "x", "b": "1"}, FaultCause.SYNTAX),
        ('a: "foo\nb: 2\n', {"a": None, "b": "2"}, FaultCause.UNCLOSED),
        ("a: [1,\nb: 2\nc: 3\n", {"a": None, "b": "2", "c": "3"}, FaultCause.UNCLOSED),
        ("x: {a: 1, b\ny: 2\n", {"x": None, "y": "2"}, FaultCause.UNCLOSED),
        ("a: b: c\nd: 1", {"a": None, "d": "1"}, FaultCause.SYNTAX),
        ("a: @x\nb: 1", {"a": None, "b": "1"}, FaultCause.SYNTAX),
        ("a:\n\tb: 1\nc: 2", {"a": "", "c": "2"}, FaultCause.TAB),
        ("a: \x07x\nb: \x08y", {"a": "x", "b": "y"}, FaultCause.FORBIDDEN_CHARACTER),
        ("{% if x %}\nb: 1\n", {"b": "1"}, FaultCause.SYNTAX),
        ("a: {{ x }}\nb: 1", {"a": {"{ x }": ""}, "b": "1"}, FaultCause.UNHASHABLE_KEY),
        ("a: *x\nb: 1", {"a": "*x", "b": "1"}, FaultCause.UNKNOWN_ALIAS),
        ("a: !x 1\nb: 1", {"a": "1", "b": "1"}, FaultCause.UNKNOWN_TAG),
        ("<<: 3\nb: 1", {"<<": "3", "b": "1"}, FaultCause.BAD_MERGE),
        ("? [x]\n: 1\nb: 1", {"[x]": "1", "b": "1"}, FaultCause.UNHASHABLE_KEY),
    ],
)
def test_broken_text_keeps_the_keys_around(text: str, tree: object, cause: FaultCause) -> None:
    document = parse_data(text, Format.YAML)
    check_spans(document)
    assert texts(document.roots[0]) == tree
    assert [fault.cause for fault in document.faults] == [cause]
    assert not document.strict


def test_several_documents() -> None:
    document = parse_data("--- 1\n---\na: 1\n...\n", Format.YAML)
    assert [texts(root) for root in document.roots] == ["1", {"a": "1"}]


def test_empty_values_stand_behind_their_colon() -> None:
    text = "a:   # c\nb:\n- \n-\nc: {d: , e: }\nf: !!str\n"
    document = parse_data(text, Format.YAML)
    check_spans(document)
    places = [
        text[: node.span.start].splitlines()[-1] for node in walk(document.roots[0]) if node.span.start == node.span.end
    ]
    assert places == ["a:", "-", "-", "c: {d:", "c: {d: , e:", "f: !!str"]


def test_merge_keys_are_entries_and_merge_on_demand() -> None:
    root = parse_data("a: &a {x: 1, y: 1}\nb: &b {y: 2}\nc: {<<: [*a, *b], z: 3}\n", Format.YAML).roots[0]
    merged = node_at(root, ["c"])
    assert isinstance(merged, MappingNode)
    assert [entry.key.text for entry in merged.entries] == ["<<", "z"]
    assert entry_of(merged, "y").value.text == "1"  # type: ignore[union-attr]
    assert plain_value(merged, ScalarRules.PYYAML) == {"x": 1, "y": 1, "z": 3}


def test_an_alias_bomb_is_bounded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    document = parse_data("\n".join(lines), Format.YAML)
    assert document.strict
    assert isinstance(node_at(document.roots[0], ["a19", 0]), AliasNode)
    with pytest.raises(TooManyNodesError):
        plain_value(document.roots[0], ScalarRules.PYYAML)


@pytest.mark.parametrize(("first", "fan_out", "length"), [("{x: 1}", 10, 20), ("{}", 10, 20), ("{x: 1}", 1, 5000)])
def test_a_merge_bomb_is_bounded(first: str, fan_out: int, length: int) -> None:
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * fan_out)}]}}" for i in range(1, length)]
    root = parse_data("\n".join(lines), Format.YAML).roots[0]
    with pytest.raises(TooManyNodesError):
        plain_value(root, ScalarRules.PYYAML)
    assert node_at(root, [f"a{length - 1}", "x"]) is None
    assert len(repr(root)) < 10_000_000
    assert hash(root) == hash(root)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 1000, "\n".join("  " * i + "a:" for i in range(300))])
def test_deep_nesting_is_one_fault(text: str) -> None:
    document = parse_data(text, Format.YAML)
    assert [fault.cause for fault in document.faults] == [FaultCause.LIMIT]


@given(st.integers(0, len(RECIPE)))
def test_the_pure_parser_finds_the_same_tree(length: int) -> None:
    text = RECIPE[:length]
    fast = parse_data(text, Format.YAML)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        pure = parse_data(text, Format.YAML)
    check_spans(pure)
    if fast.strict:
        assert pure == fast
