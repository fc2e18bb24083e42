"""What a judge is asked and what it answers, as lines of JSON between two processes; needs nothing but Python.

A judge's module is imported in its framework's own environment, where neither ftlint nor pytest is installed.
"""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Values in messages, so that the same complaint about another value is the same reason.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
# Keys that some messages name without quotes.
_NAMED = re.compile(r"(?<=repeated: )\w+|(?<=duplicate key )\w+|(?<=argument )--[\w/-]+")
_NUMBER = re.compile(r"(?<![A-Za-z_])-?\d+(\.\d+)?(e[+-]?\d+)?")
_LISTED = re.compile(r"[\[{(][^\[\]{}()]*[\]})]")
_MESSAGE_CHARACTERS = 600
# Frames of these say how something was checked; the frame before them says what.
_GENERIC = (
    "pydantic/",
    "pydantic_core/",
    "json/",
    "yaml/",
    "omegaconf/",
    "hjson/",
    "dataclasses.py",
    "enum.py",
    "ast.py",
)


@dataclass(frozen=True)
class Verdict:
    """What a framework makes of one text; the other fields are empty where it accepts.

    `exception` is its type's name, `place` the module and line of the framework's deepest frame, `complaints` the
    places and kinds of a pydantic error. `warned`: what it warned of, whether it accepts or not.
    """

    accepted: bool
    exception: str = ""
    message: str = ""
    place: str = ""
    complaints: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()

    @property
    def reason(self) -> tuple[str, str, str]:
        """Exception, place, and the message without the values in it: equal for equal complaints."""
        return (self.exception, self.place, pattern(self.message))

    def as_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Verdict:
        """What `as_json` wrote."""
        lists = {name: tuple(written[name]) for name in ("complaints", "warned")}
        return cls(**{**written, **lists})


def rejection(error: BaseException) -> Verdict:
    """The verdict that an exception is."""
    complaints: tuple[str, ...] = ()
    message, place = str(error), place_of(error)
    if type(error).__name__ == "ValidationError" and callable(getattr(error, "errors", None)):
        found = error.errors(include_url=False)  # type: ignore[attr-defined]  # pydantic's, which may not be installed
        complaints = tuple(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found[:5])
        message = "; ".join(f"{each['type']}: {each['msg']}" for each in found[:3])
        # A validator's own exception knows the line that refused; pydantic's only the model.
        raised = [each["ctx"]["error"] for each in found if isinstance(each.get("ctx", {}).get("error"), Exception)]
        place = next((inner for inner in map(place_of, raised) if inner), place)
    return Verdict(False, type(error).__name__, message[:_MESSAGE_CHARACTERS], place, complaints)


def place_of(error: BaseException) -> str:
    """Module and line of the deepest frame that belongs to an installed package and is no mere tool."""
    standard = Path(sysconfig.get_path("stdlib"))
    sites, deepest = _sites(), ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        site = next((each for each in sites if path.is_relative_to(each)), None)
        if site is None:
            if not deepest and path.is_relative_to(standard):
                deepest = f"{path.relative_to(standard).as_posix()}:{frame.lineno}"
            continue
        name = path.relative_to(site).as_posix()
        if not deepest or not name.startswith(_GENERIC):
            deepest = f"{name}:{frame.lineno}"
    return deepest


def _sites() -> list[Path]:
    """Where packages are: those that are installed, and a release in front of them (`Judge`)."""
    ours = Path(__file__).resolve().parents[2]
    in_front = (Path(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each)
    return [Path(sysconfig.get_path("purelib")), *(each for each in in_front if each != ours)]


def pattern(message: str) -> str:
    """The message's first lines with a sign in place of each value."""
    text = " ".join(message.split())
    for inner in (_QUOTED, _NAMED, _LISTED, _NUMBER):
        text = inner.sub("…", text)
    return text[:200]
