"""Whether to use colour, and the few styles that findings are printed in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ftlint.findings import Severity


class ColorChoice(Enum):
    """What `--color` takes."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def use_color(choice: ColorChoice, environment: Mapping[str, str], is_terminal: bool) -> bool:
    """The flag decides, then NO_COLOR and FORCE_COLOR (set and not empty), then whether a capable terminal reads.

    Source: https://no-color.org, https://force-color.org
    """
    if choice is not ColorChoice.AUTO:
        return choice is ColorChoice.ALWAYS
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


_SEVERITY_CODES = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}


class Palette:
    """The styles by what they mean; each returns its text as it is when colour is off.

    SGR codes by hand and not rich, whose import costs more than a whole quiet check.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def severity(self, severity: Severity, text: str) -> str:
        """An error red, a warning yellow, advice cyan."""
        return self._styled(_SEVERITY_CODES[severity], text)

    def strong(self, text: str) -> str:
        """What the eye should find first."""
        return self._styled("1", text)

    def frame(self, text: str) -> str:
        """Line numbers and the frame's edge."""
        return self._styled("34", text)

    def quiet(self, text: str) -> str:
        """What is there for whoever looks for it."""
        return self._styled("2", text)

    def good(self, text: str) -> str:
        """Something that can be done about it, added lines, what fits."""
        return self._styled("32", text)

    def bad(self, text: str) -> str:
        """Removed lines, what does not fit."""
        return self._styled("31", text)

    def doubtful(self, text: str) -> str:
        """What may or may not fit."""
        return self._styled("33", text)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text
