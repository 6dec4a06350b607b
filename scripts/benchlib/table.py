# SPDX-License-Identifier: GPL-2.0-only
"""What was measured: a table, JSON, and a picture."""
from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path

OUT = Path("/lab/out")
WAYS = ("agilio", "nfp", "software")
# Rounds of one way alone say nothing of how far they are apart
FEWEST = 2


@dataclass
class Metric:
    """One line of the table."""
    name: str
    unit: str
    more_is_better: bool = True
    values: dict[str, list[float]] = field(default_factory=dict)

    def median(self, way: str) -> float | None:
        return statistics.median(self.values[way]) if way in self.values else None

    def ratio(self, way: str) -> float | None:
        """How much better agilio is than that way; None: nobody knows.

        What two ways differ by has to be more than what rounds of one do.
        """
        ours, theirs = self.median("agilio"), self.median(way)
        if not ours or not theirs or ours < 0 or theirs < 0:
            return None
        if min(len(self.values[w]) for w in ("agilio", way)) < FEWEST:
            return None
        ratio = ours / theirs if self.more_is_better else theirs / ours
        claim = max(ratio, 1 / ratio) - 1
        spread = max(self.spread("agilio"), self.spread(way))
        return ratio if spread <= max(claim, 0.05) else None

    def spread(self, way: str) -> float:
        """How far the rounds of a way are apart, of its median."""
        v = self.values.get(way, [0.0])
        return (max(v) - min(v)) / abs(statistics.median(v) or 1)

    def spreads(self) -> dict[str, float]:
        return {w: self.spread(w) for w in WAYS if w in self.values}


metrics: dict[str, Metric] = {}


def note(way: str, name: str, unit: str, value: float, more: bool = True) -> None:
    m = metrics.setdefault(name, Metric(name, unit, more))
    m.values.setdefault(way, []).append(value)


def forget() -> None:
    """What was noted so far was to warm up."""
    metrics.clear()


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def table() -> str:
    width = max(len(m.name) + len(m.unit) + 2 for m in metrics.values())
    out = [f"{'':{width}}" + "".join(f"{x:>12}" for x in
                                     (*WAYS, "to nfp", "to software", "spread"))]
    for m in metrics.values():
        cells = [number(m.median(w)) for w in WAYS]
        cells += [f"x {r:.2f}" if (r := m.ratio(w)) else "-" for w in WAYS[1:]]
        cells.append(f"{max(m.spreads().values()):.1%}")
        out.append(f"{m.name + ', ' + m.unit:{width}}" +
                   "".join(f"{c:>12}" for c in cells))
    return "\n".join(out)


def svg() -> str:
    """A bar a metric: how many times better agilio.ko is than nfp.ko."""
    rows = [(m, r) for m in metrics.values() if (r := m.ratio("nfp"))]
    scale = 300 / max([2.0, *(r for _, r in rows)])
    height = 24 * len(rows) + 50
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="20" font-size="14">agilio.ko against nfp.ko, higher is '
           'better; the line is equal</text>']
    for i, (m, r) in enumerate(rows):
        y = 24 * i + 36
        fill = "#2a7d4f" if r >= 1 else "#b5482a"
        out.append(f'<text x="390" y="{y + 13}" text-anchor="end">{m.name}</text>'
                   f'<rect x="400" y="{y}" width="{r * scale:.1f}" height="16" '
                   f'fill="{fill}"/><text x="{405 + r * scale:.1f}" y="{y + 13}">'
                   f'{r:.2f}</text>')
    out.append(f'<line x1="{400 + scale:.1f}" y1="30" x2="{400 + scale:.1f}" '
               f'y2="{height - 10}" stroke="black" stroke-dasharray="3"/></svg>')
    return "\n".join(out)


def finish() -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / "bench.json").write_text(json.dumps(
        [{"name": m.name, "unit": m.unit, "more_is_better": m.more_is_better,
          "values": m.values, "spread": m.spreads(), "ratio_to_nfp": m.ratio("nfp"),
          "ratio_to_software": m.ratio("software")}
         for m in metrics.values()], indent=1) + "\n")
    (OUT / "bench.svg").write_text(svg() + "\n")
    print(table())
