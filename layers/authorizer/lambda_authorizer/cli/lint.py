"""Rules held against the API they guard: what each file alone cannot show.

Levels: an error is something that lets a call in, keeps one out or fails at run time against what the rules say; a
warning is something that is probably not meant; a note is a fact worth knowing. Pure: data in, findings out.
Source: API Gateway developer guide (identity sources, caching, resource policies, usage plans), AppSync's.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from lambda_authorizer.cli.findings import Finding
from lambda_authorizer.cli.inputs.model import Api, Document, GatewayAuthorizer
from lambda_authorizer.cli.inputs.model import Route as ApiRoute
from lambda_authorizer.cli.shapes import methods_meet, reaches
from lambda_authorizer.cli.words import joined, plural
from lambda_authorizer.rules.model import GREEDY, Route, RuleSet
from lambda_authorizer.rules.routes import RouteError, parse_route

_KIND_OF = {"rest": "http", "http": "http", "websocket": "websocket", "graphql": "graphql", "events": "events"}
_DEFAULT_CREDENTIAL = "header:Authorization"


def is_ours(route: ApiRoute) -> bool:
    """True for a route whose calls the authorizer decides; a scheme only declared counts as meant for it."""
    return route.guard in {"lambda", "declared"}


def api_routes(document: Document, rules: RuleSet) -> tuple[str, ...]:
    """Return the routes that the APIs send to the authorizer, as `parse_rules(api_routes=…)` takes them.

    A method of a path that a rule names with ANY is left out: the rule speaks for it.
    """
    named_any = {route.segments for route in rules.routes if route.method == "ANY"}
    found: dict[str, None] = {}
    for api in document.apis:
        for route in api.routes:
            parsed = parsed_route(route)
            if is_ours(route) and api.kind == "http" and route.path == "$default":
                found |= dict.fromkeys(("ANY /", "ANY /{default+}"))  # in the words of rules
            elif is_ours(route) and parsed is not None and parsed.kind in rules.kinds:
                if parsed.method not in {"ANY", ""} and parsed.segments in named_any:
                    continue
                found[route.text] = None
    return tuple(found)


def parsed_route(route: ApiRoute) -> Route | None:
    """Return the route as the rules see it; None for what no rule can name (`$default`)."""
    try:
        return parse_route(route.text)[0]
    except RouteError:
        return None


def findings(
    rules: RuleSet,
    document: Document,
    public: frozenset[str] = frozenset(),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Finding]:
    """Yield everything that rules and APIs say against each other.

    Args:
        rules: the rules alone, without routes of the API.
        document: the template or OpenAPI document.
        public: routes that are open on purpose.
        settings: environment of a function that stands in another template.
    """
    for note in document.notes:
        yield Finding("warning", "unread", document.file, note)
    if not document.apis:
        yield Finding("warning", "no-api", document.file, "no API is defined here")
    for api in document.apis:
        for note in api.notes:
            yield Finding("warning", "unread", api.name, note)
        if api.routes and not any(is_ours(route) for route in api.routes):
            yield _not_ours(api)
            continue
        yield from _guards(rules, api, public)
        for authorizer in api.authorizers.values():
            if authorizer.guard == "lambda":
                environment = {**settings, **document.environments.get(authorizer.function or "", {})}
                yield from _cache(rules, api, authorizer, environment)
                yield from _wiring(rules, api, authorizer, environment)
        yield from _keys(rules, api)
    yield from _coverage(rules, document)


def own_findings(rules: RuleSet, file: str) -> Iterator[Finding]:
    """Yield what the rules alone show and no function would stop for."""
    if rules.tiers is not None:
        for issuer in rules.issuers:
            if not issuer.claim_paths.get("tier"):
                everybody = (
                    f"every caller has the tier {rules.tiers.default}"
                    if rules.tiers.default
                    else "no caller has a tier"
                )
                text = f"no claim of the issuer {issuer.name} gives a tier: {everybody}"
                yield Finding("warning", "no-tier-claim", file, text, 'tier = "…" in its [issuer.claims]')


def _not_ours(api: Api) -> Finding:
    guards = {route.guard for route in api.routes}
    if guards <= {"iam", "cognito", "jwt"}:
        text = f"its routes are guarded by {joined(sorted(guards), 'and')}, not by an authorizer"
        return Finding("note", "other-guard", api.name, text)
    return Finding("warning", "unguarded-api", api.name, "no Lambda authorizer guards any of its routes")


def _guards(rules: RuleSet, api: Api, public: frozenset[str]) -> Iterator[Finding]:
    """Methods without an authorizer, and preflight requests that need a credential which browsers never send."""
    named = {(route.method, route.segments): route for route in rules.routes}
    caught = [route.text for route in api.routes if route.method == "OPTIONS" and route.guard == "lambda"]
    if caught:
        yield Finding(
            "error",
            "preflight-guarded",
            api.name,
            f"browsers send no credential with a preflight request; guarded: {joined(caught, 'and')}",
            "AddDefaultAuthorizerToCorsPreflight: false (SAM), or no authorizer on OPTIONS",
        )
    for route in api.routes:
        if route.guard == "lambda" and route.method == "ANY" and not api.cors and api.kind in {"rest", "http"}:
            text = f"{route.text} takes OPTIONS too: a browser's preflight request needs a credential here"
            yield Finding("note", "preflight-any", api.name, text, "an OPTIONS method without authorizer")
        if route.guard == "unknown":
            text = f"{route.text}: what guards it cannot be read ({route.where})"
            yield Finding("warning", "guard-unknown", api.name, text)
        if route.guard != "none" or route.method == "OPTIONS" or route.text in public:
            continue
        parsed = parsed_route(route)
        ruled = parsed is not None and (parsed.method, parsed.segments) in named
        text = f"{route.text} has no authorizer: everybody may call it"
        text += ", although a rule names it" if ruled else ""
        yield Finding(
            "error",
            "open-route",
            api.name,
            f"{text} ({route.where})",
            f'an authorizer, or --public "{route.text}"',
        )


def _cache(
    rules: RuleSet, api: Api, authorizer: GatewayAuthorizer, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Every input of the answer must be part of the cache key, or nothing may be kept."""
    where = f"{api.name}/{authorizer.name}"
    if api.kind == "websocket":
        return
    if authorizer.ttl is None:
        yield Finding(
            "warning", "ttl-unknown", where, "its TTL cannot be read; it counts as cached", "--parameter"
        )
    if authorizer.ttl == 0:
        return
    zero = "TTL 0 (ReauthorizeEvery: 0, AUTHORIZER_RESULT_TTL=0)"
    if rules.reads_request:
        text = (
            f"answers are kept, and rules read {joined(sorted(rules.reads_request), 'and')} of the single request"
        )
        yield Finding("error", "cache-request", where, text, zero)
    credential = environment.get("AUTHORIZER_CREDENTIAL", _DEFAULT_CREDENTIAL)
    if authorizer.kind == "request" and not _has(authorizer.sources, credential):
        text = f"the cache key lacks the credential ({credential}): one caller would get another's answer"
        yield Finding("error", "cache-credential", where, text, f"the identity source {credential}, or {zero}")
    if authorizer.simple:
        if not _has(authorizer.sources, "context:routeKey"):
            text = "simple answers are kept without the route in the cache key: one route's yes opens the others"
            yield Finding("error", "cache-route", where, text, f"the identity source $context.routeKey, or {zero}")
        if rules.uses_where:
            text = "simple answers are kept, and rules bind path variables: a kept yes does not see the path"
            yield Finding("error", "cache-where", where, text, f"policies in place of simple answers, or {zero}")


def _has(sources: tuple[str, ...], wanted: str) -> bool:
    """Header names know no case; everything else does."""
    if wanted.startswith("header:"):
        return wanted.lower() in {source.lower() for source in sources}
    return wanted in sources


def _wiring(
    rules: RuleSet, api: Api, authorizer: GatewayAuthorizer, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Settings of gateway and function that must say the same."""
    where = f"{api.name}/{authorizer.name}"
    if not authorizer.invoke_permission:
        text = "nothing here lets the gateway call the function: every call would end in a 500"
        yield Finding(
            "error", "no-permission", where, text, "EnableFunctionDefaultPermissions: true, or a Lambda permission"
        )
    told = environment.get("AUTHORIZER_RESULT_TTL")
    if told is not None and authorizer.ttl is not None and told != str(authorizer.ttl) and api.kind != "websocket":
        text = f"the gateway keeps answers {authorizer.ttl} s, and the function is told {told} s"
        yield Finding("error", "ttl-differs", where, text, "one parameter for both")
    if authorizer.simple and authorizer.payload not in {"2.0", None}:
        text = f"simple answers need payload version 2.0, found {authorizer.payload}"
        yield Finding("error", "payload", where, text, 'AuthorizerPayloadFormatVersion: "2.0"')
    response = environment.get("AUTHORIZER_RESPONSE")
    expected = {True: "simple", False: "policy"}.get(authorizer.simple) if authorizer.simple is not None else None
    if api.kind == "http" and None not in {response, expected} and response != expected:
        text = (
            f"the gateway expects {expected} answers and the function gives {response}: every call would be a 500"
        )
        yield Finding("error", "response-differs", where, text, f"AUTHORIZER_RESPONSE={expected}")
    spelled_out = rules.resource_policy or environment.get("AUTHORIZER_RESOURCE_POLICY") == "true"
    if (api.resource_policy or api.private) and not spelled_out:
        what = "the API is private" if api.private else "the API has a resource policy"
        text = f"{what}: where our answer is silent, an Allow of that policy lets the call in"
        way_out = "`resource_policy = true` at the top of the rules, or AUTHORIZER_RESOURCE_POLICY=true"
        yield Finding("error", "resource-policy", where, text, way_out)
    asked = authorizer.kind == "token" or (authorizer.sources and (authorizer.ttl != 0 or api.kind == "http"))
    if rules.has_anonymous and asked:
        text = (
            "a rule lets everybody in, but the gateway answers 401 by itself when the identity source is missing"
        )
        yield Finding("error", "anonymous", where, text, "a route without authorizer, or TTL 0 without sources")


def _keys(rules: RuleSet, api: Api) -> Iterator[Finding]:
    """A usage key works only if key source, methods and usage plan all play along, and nothing says when not."""
    usage_keys = rules.tiers.usage_keys if rules.tiers is not None else {}
    if api.kind != "rest" or not api.routes:
        return
    if api.key_source != "AUTHORIZER":
        if usage_keys:
            text = f"usage keys have no effect here: the key source is {api.key_source or 'HEADER'}"
            yield Finding("warning", "key-source", api.name, text, "ApiKeySourceType: AUTHORIZER")
        return
    keyed = [route for route in api.routes if route.api_key and is_ours(route)]
    if not keyed:
        text = "the authorizer gives the API key, but no method requires one: no usage plan counts"
        yield Finding("error", "key-not-required", api.name, text, "ApiKeyRequired: true")
    if api.usage_plan is False:
        text = "the authorizer gives the API key, but no usage plan of this file is attached to the API"
        yield Finding(
            "error", "no-usage-plan", api.name, text, "a usage plan with this API and stage, and the keys in it"
        )
    if rules.tiers is None or not usage_keys:
        text = "the API takes its key from the authorizer, and the rules give none: keyed methods answer 403"
        yield Finding("error", "no-usage-keys", api.name, text, "usage_keys in [tiers]")
        return
    without = [tier for tier in rules.tiers.order if tier not in usage_keys]
    if without:
        text = f"callers of {plural('tier', len(without))} without a usage key get 403 ({joined(without, 'and')})"
        yield Finding("warning", "tier-without-key", api.name, text, "a key for each tier")
    if rules.tiers.default is None:
        text = "a caller without a tier has no usage key and gets 403 from keyed methods"
        yield Finding("warning", "no-tier-key", api.name, text, "default in [tiers]")


def _coverage(rules: RuleSet, document: Document) -> Iterator[Finding]:
    """Routes that no rule names, and routes of rules that no API has."""
    sent: list[tuple[Api, ApiRoute, Route]] = []
    kinds: set[str] = set()
    for api in document.apis:
        if api.routes:
            kinds.add(_KIND_OF[api.kind])
        for route in api.routes:
            parsed = parsed_route(route)
            if is_ours(route) and parsed is None:
                text = f"{route.text} takes every request that no other route takes; a rule cannot name it"
                yield Finding("note", "default-route", api.name, text, "ANY /{proxy+}, which rules can name")
            elif is_ours(route) and parsed is not None:
                sent.append((api, route, parsed))
    for api, route, parsed in sent:
        if api.kind == "graphql" and "graphql" not in rules.kinds:
            continue  # rules without fields leave every field to the yes or no of the whole call
        if not any(_names(parsed, rule) for rule in rules.routes):
            wider = next((rule.text for rule in rules.routes if reaches(rule, parsed)), None)
            text = f"no rule names {route.text}: it is always denied"
            text += f", although {wider} would cover it" if wider is not None else ""
            yield Finding("warning", "route-without-rule", api.name, text, "a rule that names it")
    roots = {route.path.partition(".")[0] for api, route, _ in sent if api.kind == "graphql"}
    unread = any(api.notes or not api.fields_known for api in document.apis)
    for rule in rules.routes:
        if rule.kind not in kinds or any(reaches(parsed, rule) or _names(parsed, rule) for _, _, parsed in sent):
            continue
        if rule.kind == "graphql" and rule.text.partition(".")[0] not in roots:
            continue  # a field of another type; only root fields are routes
        open_route = any(
            not is_ours(route) and (parsed := parsed_route(route)) is not None and reaches(parsed, rule)
            for api in document.apis
            for route in api.routes
        )
        if open_route or unread:
            continue
        by = joined(
            [one.name for one in rules.rules if one.effect == "allow" and _uses(one.targets, rule, rules)], "and"
        )
        text = f"{rule.text} is no route of this file (rule {by})"
        yield Finding("warning", "rule-without-route", document.file, text, "the path as the API has it")


def _uses(targets: object, route: Route, rules: RuleSet) -> bool:
    return any(rules.routes[target.route] is route for target in targets)  # type: ignore[attr-defined]


def _names(api: Route, rule: Route) -> bool:
    """True if the rule speaks about the API's route itself, or about something that only reaches a catch-all."""
    if api.kind != rule.kind or not methods_meet(api, rule):
        return False
    return api.segments == rule.segments or (GREEDY in api.segments and reaches(api, rule))
