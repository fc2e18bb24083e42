"""The page says what the tool reckons."""

from __future__ import annotations

import pytest

from tools.accuracy.__main__ import BEGIN, END, PAGE, section
from tools.accuracy.blocks import splits
from tools.accuracy.cases import load_cases
from tools.accuracy.evaluate import evaluate_all
from tools.accuracy.fit import usable_probes


@pytest.mark.slow
def test_the_section_is_up_to_date() -> None:
    pytest.importorskip("numpy")
    cases = load_cases()
    lines = section(cases, evaluate_all(cases), splits(cases, usable_probes(cases)))
    (_, _, rest) = PAGE.read_text(encoding="utf-8").partition(BEGIN + "\n")
    assert rest.partition("\n\n" + END)[0] == "\n".join(lines)
