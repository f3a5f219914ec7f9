"""Every reason there is, with who must act on it: the table that `docs/reasons.md` prints.

Laws of this file: a slug is stable (SemVer), has only lower-case letters and underscores, so that it can stand in
any log, metric or response template, and says nothing of the caller beyond itself. No start loads the table.
"""

from typing import Final, NamedTuple

from lambda_authorizer.response import Outcome


class Reason(NamedTuple):
    """One slug."""

    slug: str
    outcome: Outcome
    acts: str  # who must act
    meaning: str
    remedy: str


REASONS: Final = (
    Reason("allowed", "allowed", "nobody", "a rule allows the call", "none needed"),
    Reason(
        "no_rule_allows", "not_permitted", "caller", "no rule allows the call", "ask for the scope, group or tier"
    ),
    Reason(
        "denied_by_rule", "not_permitted", "caller", "a `deny` rule reaches the call", "the rule is in the log"
    ),
    Reason(
        "path_refused",
        "not_permitted",
        "caller",
        "the path is none (encoded slash, dot segment, …), or the event names two paths, methods or routes",
        "send the path as the API documents it",
    ),
    Reason(
        "policy_narrowed",
        "not_permitted",
        "operator",
        "a rule allows the call, but the answer that is kept cannot say so without allowing more",
        "`lambda-authorizer check` names the rules and the ways out",
    ),
    Reason("hook_refused", "not_permitted", "caller", "the `check` hook did not return True", "the hook knows"),
    Reason(
        "answer_too_large",
        "not_permitted",
        "operator",
        "the policy or the context is over its bound",
        "put less into `[context]`, or raise the bound (REST and HTTP API)",
    ),
    Reason("missing_token", "unauthorized", "caller", "no credential where the settings look", "send one"),
    Reason(
        "malformed_token",
        "unauthorized",
        "caller",
        "the credential is no single well-formed token",
        "send one bearer token, once",
    ),
    Reason("token_too_large", "unauthorized", "caller", "the credential is over a bound", "ask for fewer claims"),
    Reason(
        "unsupported_algorithm",
        "unauthorized",
        "caller",
        "the token is signed in a way that the issuer's settings do not allow",
        "set `algorithms` if the issuer really uses it",
    ),
    Reason(
        "untrusted_issuer",
        "unauthorized",
        "caller",
        "`iss` is none of the issuers, byte for byte",
        "compare `url` with the token's `iss`, trailing slash included",
    ),
    Reason(
        "unknown_key",
        "unauthorized",
        "caller",
        "the issuer has no key with the token's `kid`",
        "after a rotation the next look is seconds away",
    ),
    Reason("invalid_signature", "unauthorized", "caller", "the signature does not verify", "get a new token"),
    Reason("expired", "unauthorized", "caller", "`exp` has passed", "get a new token"),
    Reason(
        "not_yet_valid",
        "unauthorized",
        "caller",
        "`nbf` is still to come, or `iat` lies in the future",
        "set the clocks; the leeway is a setting of the issuer",
    ),
    Reason(
        "invalid_audience",
        "unauthorized",
        "caller",
        "`aud` names none of the audiences",
        "ask for a token for this API",
    ),
    Reason(
        "invalid_claim",
        "unauthorized",
        "caller",
        "a claim is missing, of the wrong type or fails a check of the preset",
        "compare the token with the preset in docs/rules.md",
    ),
    Reason(
        "wrong_token_use",
        "unauthorized",
        "caller",
        "an ID token where an access token is wanted, or the reverse",
        "send the other one, or set `token_use`",
    ),
    Reason(
        "inactive_token",
        "unauthorized",
        "caller",
        "the issuer says that the token is not active",
        "get a new token",
    ),
    Reason(
        "keys_unavailable",
        "unavailable",
        "issuer",
        "the issuer's keys cannot be had, fresh or within the stale limit",
        "`lambda-authorizer keys` asks as the function does",
    ),
    Reason(
        "introspection_unavailable",
        "unavailable",
        "issuer",
        "the issuer could not be asked about an opaque token",
        "look at the endpoint and at the client's secret",
    ),
    Reason(
        "invalid_event",
        "broken",
        "operator",
        "the event is of no front end, or contradicts itself where an answer would be kept",
        "attach the function as an authorizer; look for a proxy that rewrites paths or methods",
    ),
    Reason(
        "configuration_error",
        "broken",
        "operator",
        "a setting, the rules or the API's set-up is missing or contradictory",
        "the message names file, key, what was found and what is allowed",
    ),
    Reason(
        "internal_error", "broken", "us", "a defect of the toolkit", "report it, with class and place from the log"
    ),
)
