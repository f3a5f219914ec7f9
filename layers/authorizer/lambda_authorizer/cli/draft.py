"""A first rules file for an API that exists: every route once, its scopes kept, nothing opened that was closed.

Laws: what cannot be a rule stays as a comment, so that nothing is lost; an open route gets no rule, because no
authorizer is asked about it; the result is read by the strict parser before anybody sees it.
"""

import json
from collections.abc import Iterable, Mapping

from lambda_authorizer.cli.inputs.model import Api, Document, Route
from lambda_authorizer.cli.lint import parsed_route
from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.rules import parse_rules

_KEPT = {"lambda", "declared", "jwt", "cognito", "unknown"}


def draft(documents: Iterable[Document]) -> str:
    """Return the text of a rules file.

    Raises:
        ConfigurationError: no route of the API can have a rule.
    """
    listed = list(documents)
    apis = [api for document in listed for api in document.apis]
    file = ", ".join(document.file for document in listed)
    groups: dict[tuple[str, ...], list[str]] = {}
    remarks: list[str] = []
    for api in apis:
        remarks += [f"{api.name}: {note}" for note in api.notes]
        for route in api.routes:
            _place(route, groups, remarks)
    if not groups:
        raise ConfigurationError(file, "routes", "none that needs a credential", "an API with routes to protect")
    parts = [f"# A first draft, from {_comment(file)}. Say who may call what, then run `lambda-authorizer check`."]
    parts += ["schema = 1", "", *_issuer(apis)]
    for number, (scopes, routes) in enumerate(groups.items(), 1):
        parts += ["", *_rule(number, scopes, list(dict.fromkeys(routes)))]
    parts += ["", *(f"# {_comment(remark)}" for remark in dict.fromkeys(remarks))] if remarks else []
    text = "\n".join(parts) + "\n"
    environment = {"ISSUER": "https://issuer.example", "AUDIENCE": "https://api.example"}
    parse_rules(text, file="draft", environment=environment)
    return text


def _place(route: Route, groups: dict[tuple[str, ...], list[str]], remarks: list[str]) -> None:
    parsed = parsed_route(route)
    if route.guard == "none":
        if route.method != "OPTIONS":
            remarks.append(f"open to everybody, no authorizer is asked: {route.text}")
    elif route.guard not in _KEPT:
        remarks.append(f"guarded by {route.guard}, not by an authorizer: {route.text}")
    elif parsed is None:
        remarks.append(f"a rule cannot name this: {route.text}")
    else:
        groups.setdefault(route.scopes, []).append(route.text)


def _issuer(apis: list[Api]) -> list[str]:
    known: Mapping[str, tuple[str, ...]] = {
        one.issuer: one.audience for api in apis for one in api.authorizers.values() if one.issuer
    }
    url = next(iter(known), None)
    audience = known[url] if url is not None else ()
    usual = f"${{ISSUER:-{url}}}" if url is not None and "}" not in url else "${ISSUER}"
    first = f"${{AUDIENCE:-{audience[0]}}}" if audience and "}" not in audience[0] else "${AUDIENCE}"
    listed = [first, *audience[1:]]
    return [
        "[[issuer]]",
        'name = "main"',
        f"url = {_quoted(usual)}",
        f"audience = [{', '.join(_quoted(one) for one in listed)}]",
    ]


def _rule(number: int, scopes: tuple[str, ...], routes: list[str]) -> list[str]:
    name = f"{' and '.join(scopes)}" if scopes else "any signed-in caller"
    lines = ["[[rule]]", f"name = {_quoted(name if len(name) <= 80 else f'rule {number}')}"]  # noqa: PLR2004 - a line
    if len(routes) == 1:
        lines.append(f"allow = [{_quoted(routes[0])}]")
    else:
        lines += ["allow = [", *(f"  {_quoted(route)}," for route in routes), "]"]
    if scopes:
        lines.append(f"scopes = [{', '.join(_quoted(scope) for scope in scopes)}]")
    else:
        lines.append("authenticated = true  # the API names no scope: say more here")
    return lines


def _quoted(text: str) -> str:
    """JSON's basic strings are TOML's, except DEL, which JSON lets stand."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
