"""Draws measured against estimated peaks as an SVG, once for allocated and once for reserved bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools.accuracy.evaluate import Comparison

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
GIB = 1 << 30
COLOURS = {"full": "#1b6ca8", "lora": "#d1495b", "qlora": "#5f7f2f"}


def draw(comparisons: Sequence[Comparison], title: str, path: Path) -> None:
    """One point per case with its interval, one colour per method, and the line on which the estimate is right."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same picture to the byte: no date, no random identifiers, text as text.
    mpl.rcParams.update({"svg.hashsalt": "ftlint", "svg.fonttype": "none", "font.family": "sans-serif"})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    for method, colour in COLOURS.items():
        chosen = [comparison for comparison in comparisons if comparison.case.said["method"] == method]
        if not chosen:
            continue
        measured = [comparison.measured_bytes / GIB for comparison in chosen]
        estimated = [comparison.estimated.expected_bytes / GIB for comparison in chosen]
        spread = [
            [(c.estimated.expected_bytes - c.estimated.low_bytes) / GIB for c in chosen],
            [(c.estimated.high_bytes - c.estimated.expected_bytes) / GIB for c in chosen],
        ]
        axes.errorbar(measured, estimated, yerr=spread, fmt="none", ecolor=colour, elinewidth=0.6, alpha=0.35)
        axes.scatter(measured, estimated, s=14, color=colour, label=f"{method} ({len(chosen)})", zorder=3)
    ends = [
        0.9 * min(c.measured_bytes for c in comparisons) / GIB,
        1.1 * max(c.measured_bytes for c in comparisons) / GIB,
    ]
    axes.plot(ends, ends, color="#444444", linewidth=0.8)
    axes.fill_between(ends, [0.9 * end for end in ends], [1.1 * end for end in ends], color="#888888", alpha=0.15)
    axes.set(xscale="log", yscale="log", xlabel="measured, GiB", ylabel="estimated, GiB", title=title)
    ticks = [tick for tick in (1, 2, 4, 8, 16, 32, 64, 128) if ends[0] <= tick <= ends[1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
