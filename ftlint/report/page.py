"""A rule page for reading: laid out by rich where colour is wanted, else the Markdown itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ftlint.report.terminal import Look
from ftlint.report.visible import visible
from ftlint.rulebook.page import Rule


def render_page(rule: Rule, look: Look) -> str:
    """The page with what its front matter says about when the rule holds."""
    markdown = "\n".join(_lines(rule))
    if not look.palette.enabled:
        return f"{markdown}\n"
    from rich.console import Console
    from rich.markdown import Markdown

    # Not sys.stdout: all output goes through one door, and colour was decided before.
    console = Console(
        width=look.width, force_terminal=True, color_system="standard", no_color=False, legacy_windows=False
    )
    with console.capture() as capture:
        console.print(Markdown(markdown))
    return capture.get()


def render_index(rules: Sequence[Rule], look: Look) -> str:
    """One line for each rule: code, severity, name, title."""
    widths = [max(map(len, column), default=0) for column in zip(*map(_row, rules), strict=True)]
    lines = []
    for rule in rules:
        code, severity, name, title = (f"{cell:<{width}}" for cell, width in zip(_row(rule), widths, strict=True))
        palette = look.palette
        lines.append(f"{palette.strong(code)}  {palette.severity(rule.severity, severity)}  {name}  {title}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def _row(rule: Rule) -> tuple[str, str, str, str]:
    return rule.code, rule.severity.value, rule.name, visible(rule.title)


def _lines(rule: Rule) -> Iterator[str]:
    title, rest = _split_title(rule)
    yield f"# {rule.code} {rule.name}: {title}"
    yield ""
    yield f"Severity: {rule.severity.value}. {' '.join(_window(rule))}".rstrip()
    yield ""
    yield from rest
    if rule.fixes:
        yield from ("## Fixes", *(f"- {visible(fix.title)} ({fix.applicability.value})" for fix in rule.fixes), "")
    if rule.sources:
        yield from ("## Sources", *(f"- {visible(source)}" for source in rule.sources), "")
    if rule.url:
        yield rule.url


def _split_title(rule: Rule) -> tuple[str, Iterable[str]]:
    lines = [_visible_markdown(line) for line in rule.doc.strip().splitlines()]
    if lines and lines[0].startswith("# "):
        return lines[0][2:], (*lines[1:], "")
    return visible(rule.title), (*lines, "")


def _visible_markdown(line: str) -> str:
    """A line of a page, which may be a house rule of anyone, without characters that drive a terminal."""
    return "\t".join(map(visible, line.split("\t")))


def _window(rule: Rule) -> Iterator[str]:
    if rule.dialects:
        yield f"Reads: {', '.join(rule.dialects)}."
    if rule.versions:
        yield f"Holds for {', '.join(f'{package} {window}' for package, window in rule.versions.items())}."
