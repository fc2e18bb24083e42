from __future__ import annotations

import datetime
import importlib
import itertools
import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ftlint.spans import Span
from ftlint.syntax.document import Format, Scalar, Style
from ftlint.syntax.scalars import Opaque, ScalarRules, Timestamp, resolve
from tests.syntax.trees import parse_data

WORDS = """
2e-5 2.0e-5 2.e-5 2e+5 2E5 1.5e3 .5 -.5 +.5 .5e-3 1. 1_000 1_000.5 _1 1__0 0 00 -0 +0 017 0o17 08 09 0x1F 0X1F 0b101 0b
1:30 1:30:45 190:20:30.15 1:60 12:30:45.678 .inf -.inf +.Inf .INF .nan .NaN .NAN inf nan Infinity -Infinity NaN
yes No ON off y n Y N true True TRUE tRue false null Null NULL nULL ~ None none = << 2001-01-01 2001-1-1
2001-12-14t21:59:43.10-05:00 2001-12-14 2001-12-14T21:59:43Z 1e5 1E+5 1e 1e- e5 1.2.3 1-2 0x 0x_ 0b_ 0_ 1_ 12e03 +12 -12
0.1 1e400 1e-400 99999999999999999999999 0o8 0o7 -0o7 0x1g +0x1F -0b1 1,000 3.10 1e+06 5.0 5e0 10000000000.0 1e10 +1e5
""".split()


def _scalar(text: str, tag: str | None = None, style: Style = Style.PLAIN) -> Scalar:
    return Scalar(Span(0, len(text)), text, text, style, tag)


def _assert_same(ours: object, theirs: object) -> None:
    if isinstance(theirs, datetime.date):
        assert isinstance(ours, Timestamp)
    elif isinstance(theirs, float) and math.isnan(theirs):
        assert isinstance(ours, float)
        assert math.isnan(ours)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def _assert_as_loaded(text: str, rules: ScalarRules, loader_class: type[yaml.CSafeLoader]) -> None:
    ours = resolve(_scalar(text), rules)
    loader = loader_class("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # so in the stubs
    try:
        theirs = loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        assert isinstance(ours, Opaque | Timestamp)
    else:
        _assert_same(ours, theirs)


def _omegaconf_loader() -> type[yaml.CSafeLoader]:
    pytest.importorskip("omegaconf")
    try:
        module = importlib.import_module("omegaconf._yaml")  # from 2.4 on
    except ModuleNotFoundError:
        module = importlib.import_module("omegaconf._utils")
    loader: type[yaml.CSafeLoader] = module.get_yaml_loader()
    return loader


@pytest.mark.parametrize("word", WORDS)
def test_pyyaml(word: str) -> None:
    _assert_as_loaded(word, ScalarRules.PYYAML, yaml.CSafeLoader)


@pytest.mark.parametrize("word", WORDS)
def test_omegaconf(word: str) -> None:
    _assert_as_loaded(word, ScalarRules.OMEGACONF, _omegaconf_loader())


@given(st.text(alphabet="0123456789-+._eExb:onafTZ ", min_size=1, max_size=12))
def test_pyyaml_and_omegaconf_on_anything(text: str) -> None:
    _assert_as_loaded(text, ScalarRules.PYYAML, yaml.CSafeLoader)
    _assert_as_loaded(text, ScalarRules.OMEGACONF, _omegaconf_loader())


@pytest.mark.slow
def test_pyyaml_and_omegaconf_on_everything_short() -> None:
    omegaconf_loader = _omegaconf_loader()
    for length in range(1, 6):
        for characters in itertools.product("017-+._e:", repeat=length):
            _assert_as_loaded("".join(characters), ScalarRules.PYYAML, yaml.CSafeLoader)
            _assert_as_loaded("".join(characters), ScalarRules.OMEGACONF, omegaconf_loader)


@pytest.mark.parametrize("tag", ["!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!"])
@pytest.mark.parametrize("word", ["1", "1.5", "yes", "2001-01-01", "0x1F", "''", '"3"', "x", "2e-5"])
def test_explicit_tags(tag: str, word: str) -> None:
    text = f"{tag} {word}"
    (root,) = parse_data(text, Format.YAML).roots
    assert isinstance(root, Scalar)
    ours = resolve(root, ScalarRules.PYYAML)
    try:
        theirs = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, IndexError, AttributeError, KeyError):
        assert isinstance(ours, Opaque)
    else:
        _assert_same(ours, theirs)


@pytest.mark.parametrize("word", WORDS)
def test_json(word: str) -> None:
    ours = resolve(_scalar(word), ScalarRules.JSON)
    try:
        theirs = json.loads(word)
    except ValueError:
        assert ours == word
    else:
        _assert_same(ours, theirs)


@pytest.mark.parametrize("word", [word for word in WORDS if word != "1e400" and "," not in word])
def test_hjson(word: str) -> None:
    hjson = pytest.importorskip("hjson")
    _assert_same(resolve(_scalar(word), ScalarRules.HJSON), hjson.loads(f'{{"a": {word}\n}}')["a"])


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", "yes"), ("0o17", 15), ("017", 17), ("2e-5", 2e-5), ("1_000", "1_000"), ("0xFF", 255), (".inf", math.inf)],
)
def test_yaml12(text: str, value: object) -> None:
    _assert_same(resolve(_scalar(text), ScalarRules.YAML12), value)


def test_quoted_scalars_are_text() -> None:
    for rules in ScalarRules:
        assert resolve(_scalar("1", style=Style.DOUBLE_QUOTED), rules) == "1"


@pytest.mark.parametrize("rules", list(ScalarRules))
def test_what_no_loader_can_read_does_not_raise(rules: ScalarRules) -> None:
    assert isinstance(resolve(_scalar("9" * 5000), rules), Opaque)
