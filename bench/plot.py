"""A picture of a run: latency and throughput of every program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from bench.figures import Result

OURS: Final = "#2f6f4f"
THEIRS: Final = "#9aa5b1"


def draw(results: Sequence[Result], path: Path) -> None:
    """Write a PNG with two rows of bars, the hand-written programs grey and ours green."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  chooses its window system when imported

    names = [result.name for result in results]
    colours = [OURS if name.startswith("Longhaul") else THEIRS for name in names]
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 0.42 * len(names) + 1.4), sharey=True)
    _bars(left, names, [one.median(lambda r: r.p50_ms) for one in results], colours, "p50, ms, one at a time")
    _bars(right, names, [one.median(lambda r: r.per_s) for one in results], colours, "requests a second, 20 at once")
    left.invert_yaxis()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _bars(axes: Any, names: list[str], values: list[float], colours: list[str], title: str) -> None:
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, fmt="%.0f" if max(values) > 100 else "%.1f", padding=3)  # noqa: PLR2004  three digits need no decimals
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
