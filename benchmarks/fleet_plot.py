"""The fleet's fetches over the day as an SVG, written by hand: no plotting library is needed to build the docs."""

WIDTH, HEIGHT = 960, 470
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 64, 52
COLOURS = ("#0b62a4", "#c2410c", "#6b7280", "#7c3aed")
DASHES = ("", "7 4", "2 3", "10 3 2 3")
DECADES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)


def draw(names: list[str], series: list[list[int]]) -> str:
    """Return the plot: fetches per ten minutes, one line a policy, on a logarithmic scale."""
    from math import log10

    count = len(series[0])
    top = max(decade for decade in DECADES if decade <= max(max(line) for line in series)) * 10
    bottom = 10 ** int(log10(max(1, min(value for line in series for value in line if value > 0))))
    span = log10(top) - log10(bottom)

    def x_of(hour: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * hour / 24

    def y_of(value: float) -> float:
        share = (log10(max(value, bottom)) - log10(bottom)) / span
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    label = "Key fetches per ten minutes of four policies over one day"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" '
        'font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="13">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="24" font-size="16" font-weight="600" fill="#111827">'
        "Requests at the issuer from 10,000 sandboxes, per ten minutes</text>"
    )
    parts = [head]

    def text(x: float, y: float, anchor: str, colour: str, words: str) -> None:
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>')

    def rule(x: tuple[float, float], y: tuple[float, float], style: str) -> None:
        parts.append(f'<line x1="{x[0]:.1f}" x2="{x[1]:.1f}" y1="{y[0]:.1f}" y2="{y[1]:.1f}" {style}/>')

    for begin, end, words in ((12, 12.5, "outage"), (20, 20.5, "flood")):
        parts.append(
            f'<rect x="{x_of(begin):.1f}" y="{TOP}" width="{x_of(end) - x_of(begin):.1f}" '
            f'height="{HEIGHT - TOP - BOTTOM}" fill="#fde68a" fill-opacity="0.6"/>'
        )
        text(x_of((begin + end) / 2), TOP - 6, "middle", "#92400e", words)
    for hour, words, anchor, shift in (
        (6, "rotation", "middle", 0),
        (20 + 1 / 6, "rotation, old key withdrawn", "end", -22),
    ):
        x = x_of(hour)
        rule((x, x), (TOP, HEIGHT - BOTTOM), 'stroke="#111827" stroke-dasharray="3 3"')
        text(x + shift, TOP - 6, anchor, "#111827", words)
    decade = bottom
    while decade <= top:
        y = y_of(decade)
        rule((LEFT, WIDTH - RIGHT), (y, y), 'stroke="#e5e7eb"')
        text(LEFT - 8, y + 4, "end", "#374151", f"{decade:,}")
        decade *= 10
    for hour in range(0, 25, 3):
        text(x_of(hour), HEIGHT - BOTTOM + 20, "middle", "#374151", f"{hour:02d}:00")
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "middle", "#374151", "time of day; logarithmic scale")
    labels: list[tuple[float, int]] = []
    for index, line in enumerate(series):
        points = " ".join(
            f"{x_of((at + 0.5) * 24 / count):.1f},{y_of(value):.1f}" for at, value in enumerate(line)
        )
        dash = f' stroke-dasharray="{DASHES[index]}"' if DASHES[index] else ""
        width = 2.6 if index == 0 else 1.7
        parts.append(
            f'<polyline fill="none" stroke="{COLOURS[index]}" stroke-width="{width}"{dash} points="{points}"/>'
        )
        labels.append((y_of(line[-1]), index))
    last = -100.0
    for y, index in sorted(labels):
        last = max(y, last + 17)  # names do not overlap
        weight = "600" if index == 0 else "400"
        parts.append(
            f'<text x="{WIDTH - RIGHT + 8}" y="{last + 4:.1f}" fill="{COLOURS[index]}" font-weight="{weight}">'
            f"{names[index]}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])
