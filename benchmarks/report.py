"""docs/performance.md and its plot, from one run."""

import datetime as dt
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from xml.sax.saxutils import escape

from tests.e2e import built

from benchmarks import places
from benchmarks.goals import Bench, Line
from benchmarks.rounds import Rounds

PAGE = built.ROOT / "docs" / "performance.md"
PLOT = built.ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PYTHON_PACKAGES = ("cryptography", "PyJWT", "joserfc", "aws-lambda-powertools", "requests", "awslambdaric")


def machine() -> str:
    """Describe the machine in a sentence, without its name."""
    model = platform.processor() or platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        for line in cpus.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs ({model}), not AWS"


def versions(bench: Bench) -> str:
    """Return the version of everything that took part."""
    found = [f"CPython {platform.python_version()}", *(f"{name} {version(name)}" for name in PYTHON_PACKAGES)]
    if bench.node:
        found.append(f"Node {bench.node.version.lstrip('v')}")
        found += [f"{name} {number}" for name, number in sorted(places.peer_versions().items())]
    return ", ".join(found)


def goals_table(lines: list[Line]) -> str:
    """Return the goals as a table."""
    verdicts = {True: "met", False: "**missed**", None: "not measured"}
    rows = [f"| {one.goal} | {one.what} | {one.measured} | {one.limit} | {verdicts[one.met]} |" for one in lines]
    return "\n".join(["| | what | measured (95 % interval) | goal | |", "|---|---|---|---|---|", *rows])


def starts_table(rounds: Rounds) -> str:
    """Return the starts as a table."""
    noop = rounds.median("runtime client, no-op")
    rows = []
    for name in sorted(rounds.measured[0], key=rounds.median):
        low, high = rounds.spread(name)
        rows.append(
            f"| {name} | {rounds.median(name):.1f} | {low:.1f} to {high:.1f} | {rounds.median(name) / noop:.2f} |"
        )
    return "\n".join(["| start to first decision | ms | 10 to 90 % | x no-op |", "|---|---|---|---|", *rows])


def warm_table(rounds: Rounds) -> str:
    """Return warm work as a table."""
    raw = rounds.median("raw RS256")
    rows = []
    for name in sorted(rounds.measured[0], key=rounds.median):
        low, high = rounds.spread(name)
        median = rounds.median(name)
        rows.append(
            f"| {name} | {median / 1000:.1f} | {low / 1000:.1f} to {high / 1000:.1f} | {median / raw:.2f} |"
        )
    return "\n".join(["| one operation, warm | µs | 10 to 90 % | x raw RS256 |", "|---|---|---|---|", *rows])


def plot(rounds: Rounds) -> str:
    """Return the starts as a bar chart: medians as bars, tenth to ninetieth percentile as lines."""
    names = sorted(rounds.measured[0], key=rounds.median)
    longest = max(rounds.spread(name)[1] for name in names)
    left, width, step, top = 270, 430, 26, 44
    scale = width / longest
    height = top + step * len(names) + 40
    ours = "#1f6f8b"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 80} {height}" '
            f'font-family="sans-serif" font-size="12" role="img" aria-label="Starts, in milliseconds">'
        ),
        f'<rect width="{left + width + 80}" height="{height}" fill="#ffffff"/>',
        (
            '<text x="12" y="22" font-size="14" font-weight="bold" fill="#222222">Start to first decision, '
            "milliseconds (less is better)</text>"
        ),
    ]
    for number, name in enumerate(names):
        y = top + step * number
        median, (low, high) = rounds.median(name), rounds.spread(name)
        colour = "#b9b9b9" if name.startswith("Node") else "#7a7a7a" if "no-op" in name else ours
        parts += [
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end" fill="#222222">{escape(name)}</text>',
            f'<rect x="{left}" y="{y}" width="{median * scale:.1f}" height="17" fill="{colour}"/>',
            (
                f'<line x1="{left + low * scale:.1f}" x2="{left + high * scale:.1f}" y1="{y + 8.5}" '
                f'y2="{y + 8.5}" stroke="#222222" stroke-width="1"/>'
            ),
            f'<text x="{left + high * scale + 6:.1f}" y="{y + 13}" fill="#222222">{median:.0f}</text>',
        ]
    parts.append(
        f'<text x="12" y="{height - 12}" fill="#555555">Bars: medians; lines: 10 to 90 % of the rounds. '
        "Blue: this toolkit; light grey: Node.js.</text></svg>"
    )
    return "\n".join(parts) + "\n"


def write(bench: Bench) -> None:
    """Put the measurements between the marks of the page, and draw the plot."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    measured = "\n\n".join(
        [
            BEGIN,
            (
                f"Measured {today} on {machine()}. {len(bench.starts.measured)} rounds of starts, "
                f"{len(bench.warm.measured)} of warm blocks. {versions(bench)}. "
                "Absolute times are this machine's; the ratios are what carries over."
            ),
            goals_table(bench.lines),
            "![Bar chart of the starts](performance.svg)",
            starts_table(bench.starts),
            warm_table(bench.warm),
            END,
        ]
    )
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + measured + after, encoding="utf-8")
    PLOT.write_text(plot(bench.starts), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.relative_to(built.ROOT)} and {PLOT.name}\n")
