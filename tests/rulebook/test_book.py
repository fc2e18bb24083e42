"""All rules together: selectors, house rules, and the list that other programs read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftlint.errors import FtlintError, PageError
from ftlint.findings import Severity
from ftlint.rulebook.book import Rulebook, load_rulebook
from ftlint.rulebook.export import rules_json
from ftlint.rulebook.loading import load_pages
from ftlint.rulebook.page import Rule
from tests.rulebook.builders import PAGE, write_page


def rule(code: str, name: str) -> Rule:
    return Rule(code, name, Severity.INFO, "t", "m", Path(f"{code}-{name}.md"), ("trl",), when="a")


BOOK = Rulebook([rule("DTY101", "head-dtype"), rule("DTY201", "b"), rule("DS201", "c"), rule("MEM101", "d")])


@pytest.mark.parametrize(
    ("selector", "codes"),
    [
        ("ALL", {"DTY101", "DTY201", "DS201", "MEM101"}),
        ("DTY", {"DTY101", "DTY201"}),
        ("DTY1", {"DTY101"}),
        ("DTY101", {"DTY101"}),
        ("head-dtype", {"DTY101"}),
        ("DS", {"DS201"}),
        ("VERL", set()),
    ],
)
def test_selectors(selector: str, codes: set[str]) -> None:
    assert BOOK.resolve(selector) == codes


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("DTY102", "'DTY101'"),
        ("head-dtyp", "'head-dtype'"),
        ("D", ""),
        ("", ""),
        ("MEMM", "'MEM'"),
        ("all", ""),
        ("1", ""),
    ],
)
def test_an_unknown_selector_names_the_nearest(selector: str, hint: str) -> None:
    with pytest.raises(FtlintError, match="selects no rule") as caught:
        BOOK.resolve(selector)
    assert hint in str(caught.value)


def test_rules_by_code_or_name() -> None:
    assert BOOK.rule("MEM101") is BOOK.rule("d")
    with pytest.raises(FtlintError, match="did you mean 'MEM101'"):
        BOOK.rule("MEM102")


def test_house_rules_stand_beside_ours(tmp_path: Path) -> None:
    page = PAGE.replace("DS201", "OUR101").replace("offload-param-below-stage-3", "our-rule")
    write_page(tmp_path, page, "OUR101-our-rule.md")
    book = load_rulebook([tmp_path])
    assert book.resolve("OUR") == {"OUR101"}
    assert {"CFG001", "CFG002", "CFG003"} <= set(book.by_code)


def test_house_rules_cannot_take_a_code_of_ours(tmp_path: Path) -> None:
    write_page(tmp_path, PAGE.replace("DS201", "CFG001"), "CFG001-offload-param-below-stage-3.md")
    with pytest.raises(PageError, match="'CFG001' is already taken"):
        load_rulebook([tmp_path])


def test_house_rules_are_not_builtin_and_their_checks_exist(tmp_path: Path) -> None:
    between = PAGE[PAGE.index("dialect:") : PAGE.index("message:")]
    fixes = PAGE[PAGE.index("fixes:") : PAGE.index("sources:")]
    page = PAGE.replace(fixes, "").replace("DS201", "OUR101")
    write_page(tmp_path, page.replace(between, "builtin: true\n"), "OUR101-offload-param-below-stage-3.md")
    with pytest.raises(PageError, match="builtin: is for findings of ftlint itself"):
        load_rulebook([tmp_path])
    check = "dialect: run\ncheck: ftlint.checks.nowhere:x\n"
    write_page(tmp_path, page.replace(between, check), "OUR101-offload-param-below-stage-3.md")
    with pytest.raises(PageError, match=r"there is no module ftlint\.checks\.nowhere"):
        load_rulebook([tmp_path])
    with pytest.raises(PageError, match="there is no such folder"):
        load_rulebook([tmp_path / "nowhere"])


def test_what_other_programs_read(tmp_path: Path) -> None:
    write_page(tmp_path)
    (described,) = rules_json(load_pages(tmp_path))
    assert json.loads(json.dumps(described)) == described
    assert list(described) == [
        "code", "name", "severity", "area", "versions", "doc", "url", "examples", "fixes", "sources",
    ]  # fmt: skip
    assert described["area"] == "DS"
    assert described["doc"].startswith("# offload_param below")
    text = '{"zero_optimization": {"stage": 2, "offload_param": {"device": "cpu"}}}\n'
    assert described["examples"]["bad"] == [{"files": {"ds_config.json": text}, "settings": {}}]
    assert len(described["examples"]["good"]) == 1
    assert described["fixes"][1] == {"title": "Remove offload_param", "applicability": "safe"}
