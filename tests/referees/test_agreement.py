"""The frameworks' verdicts and ours agree on a sample; the full run is `nox -s agreement`."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path

import pytest

from tests.referees.asking import Judge
from tests.referees.comparing import measure, shortfalls
from tests.referees.mutating import render, written_bases
from tests.referees.reporting import report
from tests.referees.roster import REFEREES, Referee

SAMPLE = int(os.environ.get("FTLINT_REFEREE_SAMPLE", "500"))

EACH = pytest.mark.parametrize("referee", REFEREES, ids=lambda referee: referee.name)
pytestmark = pytest.mark.referee


def available(referee: Referee) -> Referee:
    """The referee; the test is skipped where its framework is not installed."""
    if referee.environment:
        if referee.python is None:
            pytest.skip(f"{referee.environment} names no environment (nox -s referee_{referee.name})")
        return referee
    packages = importlib.import_module(f"tests.referees.judges.{referee.name}").PACKAGES
    for name in packages:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed (nox -s referees)")
    return referee


@EACH
def test_the_referee_accepts_what_is_right_and_refuses_what_is_not(referee: Referee) -> None:
    bases = written_bases(available(referee))
    with Judge(referee) as judge:
        keys = judge.keys()
        assert len(keys) > 50
        assert len({(key.root, key.path) for key in keys}) == len(keys)
        verdicts = [judge.judge(base.root, render(referee, base.root, base.tree)) for base in bases]
        accepted = {base.root for base, verdict in zip(bases, verdicts, strict=True) if verdict.accepted}
        assert accepted == {base.root for base in bases}
        broken = judge.judge(bases[0].root, "{'no: settings")
        assert not broken.accepted
        assert broken.exception
        assert judge.judge(bases[0].root, render(referee, bases[0].root, bases[0].tree)) == verdicts[0]


@EACH
def test_what_it_refuses_is_an_error_and_what_it_accepts_is_none(referee: Referee) -> None:
    corpus = os.environ.get("FTLINT_CORPUS")
    measured = measure(available(referee), SAMPLE, 1, Path(corpus) if corpus else None)
    found = shortfalls(measured)
    print(report(measured)[:20_000])
    assert not found
