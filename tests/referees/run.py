"""Measures how far ftlint and a framework agree.

    python -m tests.referees.run REFEREE… [--count 5000] [--seed 1] [--output FOLDER] [--reasons] [--judge-only]

Prints a table per referee; FOLDER gets a report with every deviation. REFEREE: a name of roster.py, or `all`: those
whose environment is there. Exit status 1 where a threshold is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from tests.referees.comparing import Measured, measure, shortfalls
from tests.referees.reporting import heading, reasons, report, summary, table
from tests.referees.roster import BY_NAME, REFEREES, Referee


def main() -> int:
    """One referee after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("referees", nargs="+", choices=(*BY_NAME, "all"), metavar="REFEREE")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="folder for the reports")
    parser.add_argument("--reasons", action="store_true", help="also why the framework rejects, whatever ftlint says")
    parser.add_argument("--judge-only", action="store_true", help="without asking ftlint")
    arguments = parser.parse_args()
    named = REFEREES if "all" in arguments.referees else [BY_NAME[name] for name in arguments.referees]
    done = []
    for referee in named:
        if referee.python is None:
            print(f"{referee.name}: left out, {referee.environment} names no environment")
            continue
        done.append(_one(referee, arguments))
    if arguments.judge_only:
        return 0
    print(f"\n{summary(done)}")
    return 1 if any(map(shortfalls, done)) else 0


def _one(referee: Referee, arguments: argparse.Namespace) -> Measured:
    corpus = os.environ.get("FTLINT_CORPUS")
    measured = measure(
        referee, arguments.count, arguments.seed, Path(corpus) if corpus else None, not arguments.judge_only
    )
    print(f"\n## {heading(measured)}\n")
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        if not arguments.judge_only:
            (arguments.output / f"{referee.name}.md").write_text(report(measured), "utf-8")
        if arguments.reasons or arguments.judge_only:
            text = reasons(measured, _site(referee))
            (arguments.output / f"reasons-{referee.name}.md").write_text(text, "utf-8")
    if not arguments.judge_only:
        print(table(measured))
        for sentence in shortfalls(measured):
            print(f"- {sentence}")
    return measured


def _site(referee: Referee) -> Path:
    """Where that environment's packages are, for the lines of their sources."""
    asked = [referee.python or "", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())


if __name__ == "__main__":
    raise SystemExit(main())
