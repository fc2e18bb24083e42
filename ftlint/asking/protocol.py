"""What a judge is asked and what it answers, as lines of JSON between two processes.

Imported on both sides: on the framework's side nothing but Python's own library is there for certain.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_MOST_CHARACTERS = 600
_MOST_COMPLAINTS = 20


@dataclass(frozen=True)
class Complaint:
    """One of several things that a validator finds at once: where in the data, and what."""

    path: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Answer:
    """What a framework makes of one text. `exception`: its type's name; empty where the text is accepted.

    `failure`: why there is no verdict at all.
    """

    exception: str = ""
    message: str = ""
    complaints: tuple[Complaint, ...] = ()
    failure: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the framework took the text."""
        return not self.exception and not self.failure

    def as_json(self) -> dict[str, Any]:
        """For `answer_from_json`."""
        return asdict(self)


def answer_from_json(written: dict[str, Any]) -> Answer:
    """What `as_json` wrote. Raises KeyError or TypeError for anything else."""
    complaints = tuple(Complaint(tuple(each["path"]), each["message"]) for each in written["complaints"])
    return Answer(written["exception"], written["message"], complaints, written["failure"])


def rejection(error: BaseException) -> Answer:
    """The answer that an exception is. pydantic says of each complaint where in the data it belongs."""
    complaints: tuple[Complaint, ...] = ()
    errors = getattr(error, "errors", None)
    if type(error).__name__ == "ValidationError" and callable(errors):
        found = errors(include_url=False)[:_MOST_COMPLAINTS]
        complaints = tuple(Complaint(tuple(map(str, each["loc"])), _shortened(each["msg"])) for each in found)
    return Answer(type(error).__name__, _shortened(str(error)), complaints)


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _MOST_CHARACTERS else f"{words[: _MOST_CHARACTERS - 1]}…"
