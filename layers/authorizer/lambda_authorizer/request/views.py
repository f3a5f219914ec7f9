"""Whether the path we decide about is a path of the route that the gateway chose.

The gateway ignores a trailing slash, and may collapse slashes or decode, before it chooses a route; a rule is held
against the text. Where the event names the chosen route, both must agree, or the rules would speak about another
route than the one that is called.
"""

from lambda_authorizer.request.model import Request

_DEFAULT = "$default"


def fits_route_key(request: Request) -> bool:
    """Say whether method and path belong to the route that the event names, if it names one."""
    key = request.route_key
    if key is None or key == _DEFAULT or request.kind == "websocket":
        return True
    method, _, template = key.partition(" ")
    return method in (request.method, "ANY") and _matches(template, request.path)


def _matches(template: str, path: str) -> bool:
    """Say whether a path is one of the template's: `{name}` is a segment, `{name+}` at the end is all the rest."""
    wanted, given = template.split("/"), path.split("/")
    if wanted[-1].startswith("{") and wanted[-1].endswith("+}"):
        rest = "/".join(given[len(wanted) - 1 :])
        given = [*given[: len(wanted) - 1], rest]
    return len(wanted) == len(given) and all(
        bool(value) if name.startswith("{") and name.endswith("}") else name == value
        for name, value in zip(wanted, given, strict=True)
    )
