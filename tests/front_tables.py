"""Write the generated tables into the docs: `python tests/front_tables.py`; the tests hold them to the code.

A generated table stands between `<!-- table NAME -->` and `<!-- end of table -->`.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "layers" / "authorizer"))

from lambda_authorizer.response import FRONT_ENDS, OUTCOMES, FrontEnd, Outcome  # noqa: E402 - after the path is set
from lambda_authorizer.response.reasons import REASONS  # noqa: E402 - as above
from lambda_authorizer.settings import SETTINGS  # noqa: E402 - as above

PAGES = ("docs/architecture.md", "docs/front-ends.md", "docs/reasons.md")
TITLES: dict[FrontEnd, str] = {
    "rest": "REST (TOKEN, REQUEST)",
    "http-1.0": "HTTP API 1.0",
    "http-2.0": "HTTP API 2.0, policy",
    "http-simple": "HTTP API 2.0, simple",
    "websocket": "WebSocket",
    "appsync": "AppSync GraphQL",
    "appsync-events": "AppSync Events",
}
ROWS: dict[Outcome, str] = {
    "allowed": "allowed",
    "not_permitted": "known, not permitted",
    "unauthorized": "no credential, or a bad one",
    "unauthorized_kept": "the same, `AUTHORIZER_UNAUTHORIZED=deny`",
    "unavailable": "the issuer cannot be asked",
    "broken": "unknown event, broken settings, a defect",
}
FORMS = {
    "policy": "the caller's policy",
    "deny": "Deny",
    "yes": "`isAuthorized: true`",
    "no": "`isAuthorized: false`",
    "unauthorized": "error `Unauthorized`",
    "error": "error",
}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def outcomes() -> str:
    """Return the decision table."""
    rows = []
    for outcome, title in ROWS.items():
        cells = []
        for front in FRONT_ENDS:
            form, status = OUTCOMES[outcome][front]
            cells.append(FORMS[form] if status is None else f"{FORMS[form]} → {status}")
        rows.append([title, *cells])
    return table(["", *(TITLES[front] for front in FRONT_ENDS)], rows)


def settings() -> str:
    """Return the settings."""
    return table(
        ["variable", "default", "meaning"], [[f"`{name}`", default, what] for name, default, what in SETTINGS]
    )


def reasons() -> str:
    """Return the reasons."""
    titles = {"allowed": "allow", "not_permitted": "deny", "unavailable": "error", "broken": "error"}
    rows = [
        [f"`{one.slug}`", titles.get(one.outcome, "unauthorized"), one.acts, one.meaning, one.remedy]
        for one in REASONS
    ]
    return table(["reason", "decision", "who acts", "meaning", "what to do"], rows)


def modules() -> str:
    """Return what each module of the package promises: the first sentence of its docstring."""
    package = ROOT / "layers" / "authorizer" / "lambda_authorizer"
    rows = []
    for file in sorted(package.rglob("*.py")):
        name = str(file.relative_to(package).with_suffix(""))
        if name.startswith(("cli", "testing")) or file.name == "__main__.py" or name == "__init__":
            continue
        text = " ".join(
            (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split()
        )
        sentence = re.split(r"(?<=[a-z`)])[.;] ", text)[0].rstrip(".").replace("|", "\\|")
        rows.append([f"`{name.removesuffix('/__init__')}`", sentence])
    return table(["module", "promise"], rows)


TABLES = {"modules": modules, "outcomes": outcomes, "settings": settings, "reasons": reasons}


def filled(text: str) -> str:
    """Return a page with its generated tables as the code has them."""
    return re.sub(
        r"<!-- table (\w+) -->.*?<!-- end of table -->",
        lambda found: f"<!-- table {found[1]} -->\n\n{TABLES[found[1]]()}\n\n<!-- end of table -->",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for name in PAGES:
        page = ROOT / name
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
