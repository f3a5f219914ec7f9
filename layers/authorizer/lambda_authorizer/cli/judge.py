"""What the rules say to one caller about one request, from the same functions that the Lambda function calls.

No gateway and no policy document is involved: that the document says the same is what `check` proves.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lambda_authorizer.cli.files import read_text
from lambda_authorizer.errors import ConfigurationError, TokenError
from lambda_authorizer.jwk import InvalidKeySetError, KeySet, parse_key_set
from lambda_authorizer.policy import decide
from lambda_authorizer.principal import ANONYMOUS, Principal, map_principal
from lambda_authorizer.response.context import caller_context, carried
from lambda_authorizer.rules import Facts, RuleSet, grants_for
from lambda_authorizer.rules.model import METHODS
from lambda_authorizer.tokens import Issuer
from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.verify import Claims, issuer_for, verify_token

_FAR = 4102444800  # 2100-01-01: a claims case has no expiry of its own


class Verdict(NamedTuple):
    """The answer to one call."""

    answer: str  # "allow", "deny", "unauthorized"
    reason: str
    rule: str | None
    context: Mapping[str, object]  # with types, as HTTP API 2.0 carries it
    flat: Mapping[str, object]  # as REST and WebSocket APIs carry it


def split_request(text: str, *, file: str, key: str, line: int | None = None) -> tuple[str, str]:
    """Return method and path of a concrete request, as `decide` takes them.

    Raises:
        ConfigurationError: it is no request.
    """
    allowed = '"METHOD /path" without a query, "$connect", "Type.field", "CONNECT", "PUBLISH /namespace/channel"'
    method, blank, path = text.partition(" ")
    if not blank:
        if text in {"$connect", "CONNECT"}:
            return text, ""
        if "." in text and not text.startswith(("/", ".")):
            return "", text
    elif method in {*METHODS, "PUBLISH", "SUBSCRIBE"} and path.startswith("/") and "?" not in path:
        return method, path
    hint = "ANY stands in rules; a request has one method." if method == "ANY" else ""
    raise ConfigurationError(file, key, repr(text), allowed, line=line, hint=hint)


def issuer_named(
    rules: RuleSet, alias: str | None, claims: Mapping[str, object], *, file: str, key: str
) -> Issuer:
    """Return the issuer of a claims case: the one named, else the one of the claims' `iss`, else the first.

    Raises:
        ConfigurationError: no issuer has that alias.
    """
    for issuer in rules.issuers:
        if alias == issuer.name or (alias is None and claims.get("iss") in issuer.iss_values):
            return issuer
    if alias is None and rules.issuers:
        return rules.issuers[0]
    known = ", ".join(issuer.name for issuer in rules.issuers) or "no issuer in the rules"
    raise ConfigurationError(file, key, repr(alias), known)


def caller_with(rules: RuleSet, claims: Mapping[str, object], issuer: Issuer) -> Principal:
    """Return the caller that these claims make, unverified on purpose: they were written by hand.

    Raises:
        TokenError: the claims make no caller (no subject, for example).
    """
    values = {"iss": issuer.iss_values[0] if issuer.iss_values else issuer.url, **claims}
    return map_principal(
        Claims(issuer=issuer.name, key_id=None, expires_at=_FAR, values=values), issuer, rules.tiers
    )


def caller_of_token(rules: RuleSet, token: str, keys: KeySet | None, now: float) -> Principal:
    """Return the caller that a token proves.

    Raises:
        TokenError: it proves nobody.
        ConfigurationError: no key set is at hand for its issuer.
    """
    unverified = parse_token(token)
    issuer = issuer_for(unverified, rules.issuers)
    usable = (keys or own_keys(issuer)).candidates(unverified.key_id, unverified.algorithm)
    if not usable:
        from lambda_authorizer.errors import UnknownKeyError

        raise UnknownKeyError("no key of the set fits the token")
    return map_principal(verify_token(unverified, usable[0], issuer, now), issuer, rules.tiers)


def own_keys(issuer: Issuer) -> KeySet:
    """Return the key set that the rules file itself carries or names as a file.

    Raises:
        ConfigurationError: its keys are on the network.
    """
    source = issuer.key_source
    if source is not None and source.kind == "inline":
        return key_set(source.value, "rules")
    if source is not None and source.kind == "file":
        return key_set(read_text(source.value, "a JSON Web Key Set"), source.value)
    raise ConfigurationError(
        f"issuer {issuer.name}",
        "jwks",
        "keys on the network",
        "--jwks FILE (`lambda-authorizer keys pull` writes it)",
    )


def key_set(text: str, file: str) -> KeySet:
    """Return a key set.

    Raises:
        ConfigurationError: the text holds none.
    """
    try:
        return parse_key_set(text)
    except InvalidKeySetError as error:
        raise ConfigurationError(file, "keys", str(error), "a JSON Web Key Set (RFC 7517)") from None


def key_set_file(path: str | None) -> KeySet | None:
    """Return the key set of a file, or None without one."""
    return None if path is None else key_set(read_text(path, "a JSON Web Key Set"), path)


def token_text(text: str, base: Path) -> str:
    """Return a token given as itself or as `file:PATH`, relative to the file that names it."""
    if text.startswith("file:"):
        return read_text(base / text[5:], "a token").strip()
    return text


def judge(rules: RuleSet, principal: Principal, method: str, path: str, facts: Facts | None) -> Verdict:
    """Return what the rules say."""
    decision = decide(grants_for(rules, principal, facts), method, path)
    answer = "allow" if decision.allowed else "deny"
    typed, flat = contexts(rules, principal)
    return Verdict(answer, decision.reason, decision.rule, typed, flat)


def contexts(rules: RuleSet, principal: Principal) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return what the backend is told: with types, as HTTP API 2.0 carries it, and flat, as REST does."""
    if principal.anonymous:
        return {}, {}
    values = caller_context(principal, rules.context)
    return carried("http-2.0", values, rules.context_types), carried("rest", values, rules.context_types)


def refusal(error: TokenError) -> Verdict:
    """Return the answer to a credential that proves nothing."""
    return Verdict("unauthorized", error.reason, None, {}, {})


def json_text(value: object) -> str:
    """Return a value as one line of JSON, for messages."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


__all__ = ["ANONYMOUS", "Facts", "Principal", "Verdict"]
