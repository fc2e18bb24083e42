"""Asks released frameworks about the Bad and Good examples of the rule pages.

    python -m tools.by_release REFEREE FOLDER… [--work FOLDER] [--from RELEASE] [--to RELEASE]

Each archive of the referee's package in the folders is unpacked (nothing is installed) and imported before the packages
of the referee's environment. Printed is what contradicts a page, the releases together; then which releases could not
be imported beside what is installed, and why. Exit status 1 where one is; too narrow a window is none.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from packaging.version import Version

from ftlint.rulebook.book import load_rulebook
from tests.referees.roster import BY_NAME
from tools.by_release.examples import questions
from tools.by_release.holding import Asked, Contradiction, ask, contradictions
from tools.by_release.releases import archives, unpacked

# Referee -> the package whose releases are asked, and the codes of the pages about its files.
ASKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "deepspeed": ("deepspeed", ("DS",)),
    "accelerate": ("accelerate", ("AC",)),
    "training_arguments": ("transformers", ("HF",)),
    "trl": ("trl", ("TRL",)),
    "llamafactory": ("llamafactory", ("LF",)),
    "axolotl": ("axolotl", ("AX",)),
}


def main() -> int:
    """Asks every release there is an archive of, oldest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("referee", choices=ASKED)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--work", type=Path, help="where archives are unpacked, and stay")
    parser.add_argument("--from", dest="first", type=Version, default=Version("0"), metavar="RELEASE")
    parser.add_argument("--to", dest="last", type=Version, metavar="RELEASE")
    arguments = parser.parse_args()
    referee, (package, prefixes) = BY_NAME[arguments.referee], ASKED[arguments.referee]
    if referee.python is None:
        parser.error(f"{referee.environment} names no environment")
    asked_about = list(questions(load_rulebook(), referee, prefixes))
    with tempfile.TemporaryDirectory(prefix="releases-") as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        every: list[Asked] = []
        for version, archive in archives(package, arguments.folders).items():
            if version >= arguments.first and (arguments.last is None or version <= arguments.last):
                home = unpacked(package, version, archive, work.resolve())
                every.append(ask(referee, package, str(version), home, asked_about))
                # Minutes may pass; what was found comes when all are known.
                print(f"{package} {version}: {every[-1].failure or 'asked'}", file=sys.stderr, flush=True)
    found = contradictions(referee, every)
    print("\n".join(report(every, found, len(asked_about))))
    return 1 if any(each.kind != "window too narrow" for each in found) else 0


def report(every: Sequence[Asked], found: Sequence[Contradiction], num_questions: int) -> list[str]:
    """The lines that are printed."""
    together: dict[tuple[str, str], list[Contradiction]] = defaultdict(list)
    for each in found:
        together[each.kind, each.question.name].append(each)
    asked = [each.release for each in every if not each.failure]
    lines = [f"{num_questions} examples, {len(asked)} releases asked: {', '.join(asked)}"]
    for (kind, name), some in together.items():
        window = dict(some[0].question.rule.versions) or "every release"
        lines.append(f"{kind}: {name} ({window}) by {', '.join(each.release for each in some)}: {some[0].reason}")
    lines += [f"not asked: {each.release}: {each.failure}" for each in every if each.failure]
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
