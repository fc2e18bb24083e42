"""An estimate as one self-contained page: no script, nothing fetched, the picture drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from ftlint.memory.estimate import Assumption, Estimate, Interval, Moment, Term, exactly, sums_by_moment
from ftlint.record import record
from ftlint.report.facts import gib, interval_text, origin_text, value_text
from ftlint.report.places import Places
from ftlint.report.reasons import reasons
from ftlint.report.visible import visible

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --quiet: #5b6573; --line: #d4d9e1; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --paper: #14181f; --quiet: #98a2b1; --line: #333b48; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 68rem;
       margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .8rem .3rem 0;
       border-bottom: 1px solid var(--line); vertical-align: top; } td.size { white-space: nowrap;
       font-variant-numeric: tabular-nums; } small, .quiet { color: var(--quiet); } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } .capacity { stroke: #c0392b; stroke-width: 2; }
.doubt { stroke: var(--ink); stroke-width: 1.5; } .swatch { display: inline-block; width: .8em; height: .8em; }
.fits { color: #1e8449; } .tight, .unknown { color: #b9770e; } .does-not-fit { color: #c0392b; }
"""
# Told apart by people who see colours differently as well: Okabe and Ito's palette, then again in a lighter shade.
_COLORS = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f"),
    *("#66aad1", "#f2ca80", "#66c5ab", "#e3b3cd", "#9ed3f2", "#e89a66", "#f7f08f", "#b5b5b5"),
)
_WIDTH, _LABELS, _ROW, _BAR = 960, 190, 34, 22


@record
class _Device:
    title: str
    terms: tuple[Term, ...]
    capacity: Interval | None
    verdict: str


def render_html(estimate: Estimate, places: Places, *, assumptions: tuple[Assumption, ...] = ()) -> str:
    """The page. `assumptions` are those made before, while the run itself was put together."""
    root = Element("html", lang="en")
    head = SubElement(root, "head")
    SubElement(head, "meta", charset="utf-8")
    # Whoever opens it can see that it reaches for nothing.
    SubElement(
        head,
        "meta",
        {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"},
    )
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = f"{_name(estimate)}: memory"
    SubElement(head, "style").text = _STYLE
    body = SubElement(root, "body")
    _headline(body, estimate)
    for device in _devices(estimate):
        _draw(body, device)
    _remarks(body, estimate)
    _terms(body, estimate)
    _assumptions(body, (*assumptions, *estimate.assumptions))
    _facts(body, estimate, places)
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _name(estimate: Estimate) -> str:
    return visible(estimate.run_name) or "run"


def _devices(estimate: Estimate) -> tuple[_Device, ...]:
    ram = None if estimate.host_capacity_bytes is None else exactly(estimate.host_capacity_bytes)
    return (
        _Device("GPU, each", estimate.gpu_terms, estimate.gpu_capacity, estimate.gpu_verdict.value),
        _Device("Host RAM, per node", estimate.host_terms, ram, estimate.host_verdict.value),
    )


def _headline(body: Element, estimate: Estimate) -> None:
    title = SubElement(body, "h1")
    title.text = f"{_name(estimate)}: "
    _verdict(title, estimate.verdict.value)
    line = SubElement(body, "p")
    line.text = (
        f"{estimate.num_parameters:,} parameters, {estimate.num_trainable_parameters:,} of them trained. "
        f"Each GPU: {interval_text(estimate.gpu_allocated)} allocated, "
        f"{interval_text(estimate.gpu_reserved)} reserved. "
        f"Each node: {interval_text(estimate.host_total)} of RAM."
    )
    for reason in reasons(estimate):
        SubElement(body, "p").text = f"{reason[0].upper()}{reason[1:]}."


def _verdict(parent: Element, verdict: str) -> None:
    SubElement(parent, "span", {"class": verdict.replace(" ", "-")}).text = verdict


def _draw(body: Element, device: _Device) -> None:
    """Stacked bars: what is expected of each term at each moment, with the whole interval as a whisker."""
    heading = SubElement(body, "h2")
    heading.text = f"{device.title}: "
    _verdict(heading, device.verdict)
    if not device.terms:
        SubElement(body, "p", {"class": "quiet"}).text = "Nothing is held there that we know of."
        return
    sums = sums_by_moment(device.terms)
    moments = [moment for moment in Moment if sums[moment].high_bytes]
    capacity_bytes = device.capacity.expected_bytes if device.capacity is not None else 0
    full_bytes = max(capacity_bytes, *(sums[moment].high_bytes for moment in moments))
    height = _ROW * len(moments) + 28
    picture = SubElement(body, "svg", viewBox=f"0 0 {_WIDTH} {height}", role="img")
    SubElement(picture, "title").text = f"{device.title}, by moment"
    scale = (_WIDTH - _LABELS - 110) / full_bytes
    colors = {id(term): _COLORS[index % len(_COLORS)] for index, term in enumerate(device.terms)}
    for row, moment in enumerate(moments):
        _row(picture, row, moment, device.terms, sums[moment], scale, colors)
    if capacity_bytes:
        x = _LABELS + capacity_bytes * scale
        line = {"x1": _px(x), "x2": _px(x), "y1": "0", "y2": str(height - 24), "class": "capacity"}
        SubElement(picture, "line", line)
        label = SubElement(picture, "text", {"x": _px(x), "y": str(height - 8), "text-anchor": "middle"})
        label.text = f"capacity {gib(capacity_bytes)}"
    legend = SubElement(body, "p")
    for term in device.terms:
        swatch = SubElement(legend, "span", {"class": "swatch", "style": f"background:{colors[id(term)]}"})
        swatch.tail = f" {visible(term.name)} \u2003"


def _row(
    picture: Element,
    row: int,
    moment: Moment,
    terms: Iterable[Term],
    total: Interval,
    scale: float,
    colors: dict[int, str],
) -> None:
    top = row * _ROW + 4
    label = SubElement(picture, "text", {"x": "0", "y": str(top + 16)})
    label.text = moment.value
    x = float(_LABELS)
    for term in terms:
        if moment not in term.moments:
            continue
        width = term.size.expected_bytes * scale
        place = {"x": _px(x), "y": str(top), "width": _px(width), "height": str(_BAR), "fill": colors[id(term)]}
        bar = SubElement(picture, "rect", place)
        SubElement(bar, "title").text = f"{visible(term.name)}: {interval_text(term.size)}\n{visible(term.formula)}"
        x += width
    middle = str(top + _BAR // 2)
    ends = (_LABELS + total.low_bytes * scale, _LABELS + total.high_bytes * scale)
    SubElement(picture, "line", {"x1": _px(ends[0]), "x2": _px(ends[1]), "y1": middle, "y2": middle, "class": "doubt"})
    for end in ends:
        whisker = {"x1": _px(end), "x2": _px(end), "y1": str(top + 5), "y2": str(top + _BAR - 5), "class": "doubt"}
        SubElement(picture, "line", whisker)
    amount = SubElement(picture, "text", {"x": _px(max(x, ends[1]) + 8), "y": str(top + 16)})
    amount.text = gib(total.expected_bytes)


def _px(number: float) -> str:
    return f"{number:.1f}"


def _remarks(body: Element, estimate: Estimate) -> None:
    if estimate.gpu_missing:
        missing = ", ".join(estimate.gpu_missing)
        SubElement(body, "p").text = f"The GPU figure is a lower bound: {missing} are not in it."
    if estimate.deepspeed is not None:
        cpu, gpu = gib(estimate.deepspeed.cpu_bytes), gib(estimate.deepspeed.gpu_bytes)
        line = f"DeepSpeed's own estimator says {cpu} per node and {gpu} per GPU for this setting."
        SubElement(body, "p").text = line


def _table(body: Element, title: str, headings: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> None:
    """A table whose cells are a text and a quieter one below it; nothing where there are no rows."""
    if not rows:
        return
    SubElement(body, "h2").text = title
    table = SubElement(body, "table")
    line = SubElement(table, "tr")
    for heading in headings:
        SubElement(line, "th").text = heading
    for row in rows:
        line = SubElement(table, "tr")
        for heading, (text, below) in zip(headings, row, strict=True):
            cell = SubElement(line, "td", {"class": "size"} if heading == "size" else {})
            cell.text = text
            if below:
                SubElement(cell, "br")
                SubElement(cell, "small").text = below


def _terms(body: Element, estimate: Estimate) -> None:
    rows = [
        [
            (visible(term.name), term.place.value),
            (interval_text(term.size), ""),
            (term.moment, ""),
            (visible(term.formula), visible(term.source)),
        ]
        for term in estimate.terms
    ]
    _table(body, "Terms", ("term", "size", "when", "how"), rows)


def _assumptions(body: Element, assumptions: Iterable[Assumption]) -> None:
    rows = [[(visible(each.key), ""), (visible(each.value), ""), (visible(each.why), "")] for each in assumptions]
    _table(body, "Assumed", ("what", "value", "why"), rows)


def _facts(body: Element, estimate: Estimate, places: Places) -> None:
    rows = []
    for name, fact in estimate.facts.items():
        if fact.said:
            origins = "; ".join(filter(None, (origin_text(origin, places) for origin in fact.origins)))
            rows.append([(name, ""), (value_text(name, fact.value), ""), (origins, "")])
    _table(body, "Read", ("what", "value", "where"), rows)
