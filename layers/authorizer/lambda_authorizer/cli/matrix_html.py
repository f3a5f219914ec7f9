"""The matrix as one HTML file: no script, no font, no address outside; a table on a desk, cards on a phone.

Laws: every text is escaped; a content security policy forbids everything but the style that stands in the file.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape

from lambda_authorizer.cli.matrix import Cell, Matrix, Row
from lambda_authorizer.cli.words import plural

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c2430; --soft: #5b6675; --paper: #ffffff; --line: #dde2e9; --head: #f4f6f9;
  --yes: #0b6b3a; --yes-paper: #e6f5ec; --if: #7a4a00; --if-paper: #fdf3e0; --no: #6b7482;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6eaf0; --soft: #9aa5b4; --paper: #12161c; --line: #2b333e; --head: #1a2028;
    --yes: #6fd49b; --yes-paper: #11301f; --if: #efc277; --if-paper: #33260f; --no: #7d8896;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 80rem; margin: 0 auto; }
h1 { font-size: 1.4rem; line-height: 1.2; margin: 0 0 .25rem; text-wrap: balance; }
p { margin: 0 0 1rem; color: var(--soft); max-width: 46rem; }
ul.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.2rem;
  margin: 0 0 1rem; padding: 0; color: var(--soft);
}
.frame { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .6rem .75rem; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { background: var(--head); font-weight: 600; }
tbody th { font-weight: 400; min-width: 15rem; }
code {
  font: 600 .93em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere;
}
.rule { display: block; color: var(--soft); font-size: .87em; }
.mark { display: inline-block; font-weight: 600; border-radius: .3rem; padding: 0 .4rem; }
.yes .mark { color: var(--yes); background: var(--yes-paper); }
.if .mark { color: var(--if); background: var(--if-paper); }
.no .mark { color: var(--no); font-weight: 400; padding: 0; }
.needs { margin: .15rem 0 0; padding: 0; list-style: none; font-size: .9em; }
.needs li + li::before { content: "or "; color: var(--soft); }
.unless { display: block; color: var(--soft); font-size: .87em; margin-top: .15rem; }
footer { color: var(--soft); font-size: .87em; margin-top: 1rem; overflow-wrap: anywhere; }
@media (max-width: 46rem) {
  body { padding: 1rem; }
  .frame { border: 0; overflow: visible; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, th, td { display: block; }
  tbody tr { border: 1px solid var(--line); border-radius: .5rem; margin-bottom: .75rem; overflow: hidden; }
  tbody th { background: var(--head); border-bottom: 0; min-width: 0; }
  td { display: grid; grid-template-columns: 6.5rem 1fr; gap: .1rem .75rem; padding: .5rem .75rem; }
  td { border-bottom: 0; border-top: 1px solid var(--line); }
  td.same { display: none; }
  td::before { content: attr(data-column); color: var(--soft); overflow-wrap: anywhere; }
}
"""


def page(shown: Matrix, *, file: str, digest: str) -> str:
    """Return the whole page."""
    style = _STYLE.strip()
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'"
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in shown.columns)
    rows = "\n".join(_row(shown, row) for row in shown.rows)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<title>Who may call what: {escape(file)}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Who may call what</h1>
<p>{plural("route", len(shown.rows))}, {plural(shown.by, len(shown.columns))}. Each cell says what a caller with
that {shown.by} still needs.</p>
<ul class="legend">
<li class="yes"><span class="mark">yes</span> nothing more is asked</li>
<li class="if"><span class="mark">with</span> only with what stands below</li>
<li class="no"><span class="mark">no</span> never, whatever else the caller has</li>
</ul>
<div class="frame">
<table>
<thead><tr><th scope="col">route</th>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
<footer>From {escape(file)}, SHA-256 {escape(digest[:16])}…</footer>
</main>
</body>
</html>
"""


def _row(shown: Matrix, row: Row) -> str:
    said = escape("; ".join(row.rules)) or "no rule: always denied"
    cells = ""
    for at, cell in enumerate(row.cells):
        if at and cell == row.cells[at - 1]:
            cells += _cell(cell, "", same=True)
            continue
        end = at + 1
        while end < len(row.cells) and row.cells[end] == cell:
            end += 1
        cells += _cell(cell, ", ".join(shown.columns[at:end]), same=False)
    return f'<tr><th scope="row"><code>{escape(row.route)}</code><span class="rule">{said}</span></th>{cells}</tr>'


def _cell(cell: Cell, columns: str, *, same: bool) -> str:
    """Return one cell; on a phone it names its columns, and cells that repeat the one before are left out."""
    name = f'data-column="{escape(columns, quote=True)}"'
    repeated = " same" if same else ""
    if not cell.allowed:
        return f'<td class="no{repeated}" {name}><span class="mark">no</span></td>'
    unless = f'<span class="unless">not {escape(" or ".join(cell.unless))}</span>' if cell.unless else ""
    if not cell.ways:
        return f'<td class="yes{repeated}" {name}><div><span class="mark">yes</span>{unless}</div></td>'
    ways = "".join(f"<li>{escape(way)}</li>" for way in cell.ways)
    body = f'<span class="mark">with</span><ul class="needs">{ways}</ul>{unless}'
    return f'<td class="if{repeated}" {name}><div>{body}</div></td>'
