"""What the fixes make of a stranger's variants: they parse, keep every comment, silence the finding, come to rest.

Not every text can be edited so that it is right for certain; how many must be, is a number here.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ftlint.findings import Applicability
from ftlint.fixing import plan, write
from ftlint.rulebook.body import parse_examples
from ftlint.rulebook.examples import Example, ExampleKind
from tests.rules.test_pages import checked, documents

HERE = Path(__file__).parent
SHARE_REPAIRED = {"SAVE101": 0.8}
COMMENT = re.compile(r"#[^\n]*")


def bad_variants(code: str) -> list[Example]:
    """The Bad variants of a page."""
    page = HERE / f"{code}.md"
    return [v for v in parse_examples(code, page.read_text("utf-8"), page, 1) if v.kind is ExampleKind.BAD]


def repaired(folder: Path, code: str) -> bool:
    """Apply the code's fixes until they come to rest; whether nothing of the code is found any more."""
    for _ in range(6):
        result = checked(folder)
        ours = [finding for finding in result.findings if finding.code == code]
        planned = plan(ours, Applicability.UNSAFE, documents(result))
        if not planned.changes:
            return not ours
        assert not write(planned)
    raise AssertionError("the fixes do not come to rest")


@pytest.mark.parametrize("code", sorted(SHARE_REPAIRED))
def test_fixes_repair_most_variants(code: str, tmp_path: Path) -> None:
    outcomes: dict[str, bool] = {}
    for number, variant in enumerate(bad_variants(code)):
        folder = variant.write_to(tmp_path / str(number))
        before = variant.texts_in(folder)
        outcomes[variant.name] = repaired(folder, code)
        after = variant.texts_in(folder)
        for name, text in after.items():
            if name.endswith(".py"):
                ast.parse(text)
            lost = [comment for comment in COMMENT.findall(before[name]) if comment.rstrip() not in text]
            assert not lost, f"{variant.name}: {name} lost {lost}"
    left = [name for name, is_repaired in outcomes.items() if not is_repaired]
    print(f"{code}: {len(outcomes) - len(left)} of {len(outcomes)} repaired; left: {left}")
    assert len(outcomes) - len(left) >= SHARE_REPAIRED[code] * len(outcomes)
