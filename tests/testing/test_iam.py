"""The evaluator says what AWS's published pages and tables say, and refuses what IAM refuses."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_authorizer.testing._pattern import ANY, ONE, matches
from lambda_authorizer.testing.iam import Policy, PolicyFormatError, Verdict, evaluate

TABLES = Path(__file__).parent.parent / "iam_tables"
ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/orders/1"
INVOKE = "execute-api:Invoke"


def rows(name: str) -> list[dict[str, Any]]:
    """Return the cases of one published table."""
    return tomllib.loads((TABLES / name).read_text(encoding="utf-8"))["case"]


def statement(effect: str = "Allow", **members: Any) -> dict[str, Any]:
    """Return one statement, which covers everything unless told otherwise."""
    return {"Effect": effect, "Action": INVOKE, "Resource": "*"} | members


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": version, "Statement": list(statements)}


OUTCOME = {
    "Allow": (True, False),
    "Implicit Deny": (False, False),
    "Explicit Deny": (False, True),
}


@pytest.mark.parametrize("row", rows("resource_policy.toml"), ids=lambda row: "-".join(row.values()))
def test_resource_policy_and_authorizer_combine_as_published(row: dict[str, str]) -> None:
    """Each row of AWS's tables A and B comes out as AWS prints it."""

    def policy(says: str, **extra: str) -> dict[str, Any]:
        return document(
            statement("Allow", Resource="arn:aws:execute-api:*:*:nothing", **extra)
            if says == "Neither"
            else statement(says, **extra)
        )

    verdict = evaluate(
        policy(row["authorizer"]),
        ARN,
        resource_policy=policy(row["resource_policy"], Principal="*"),
        cross_account=row["account"] == "cross",
    )
    assert verdict[:2] == OUTCOME[row["outcome"]]


@pytest.mark.parametrize("row", rows("resource.toml"), ids=lambda row: f"{row['resource']} | {row['arn']}")
@pytest.mark.parametrize("negated", [False, True], ids=["Resource", "NotResource"])
def test_resources_cover_what_is_published(row: dict[str, Any], negated: bool) -> None:  # noqa: FBT001
    """Wildcards, escapes and variables of a Resource mean what their source says, and NotResource the reverse."""
    one = statement()
    del one["Resource"]
    one["NotResource" if negated else "Resource"] = [row["resource"]]
    verdict = evaluate(
        document(one, version=row.get("version", "2012-10-17")), row["arn"], context=row.get("context")
    )
    assert verdict.allowed is (row["covers"] is not negated)


@pytest.mark.parametrize("row", rows("condition.toml"), ids=lambda row: str(row["condition"]))
def test_conditions_hold_as_published(row: dict[str, Any]) -> None:
    """Each operator says of its example what the IAM user guide says."""
    verdict = evaluate(document(statement(Condition=row["condition"])), ARN, context=row.get("context"))
    assert verdict.allowed is row["holds"]


def test_a_deny_wins_wherever_it_stands() -> None:
    """An explicit Deny beats every Allow before and behind it, and is named."""
    verdict = evaluate(document(statement(), statement("Deny"), statement()), ARN)
    assert verdict == Verdict(allowed=False, explicit_deny=True, statement=1)


def test_nothing_is_allowed_by_default() -> None:
    """A document that does not cover the request gives an implicit no, told apart from an explicit one."""
    assert evaluate(document(statement(Resource=ARN + "x")), ARN) == Verdict(
        allowed=False, explicit_deny=False, statement=None
    )


def test_the_deciding_statement_of_a_resource_policy_is_told() -> None:
    """A reader of the verdict sees which of the two documents decided."""
    silent = document(statement(Resource="arn:aws:execute-api:*:*:other"))
    allows = document(statement(Principal={"AWS": ["123456789012", "*"]}))
    assert evaluate(silent, ARN, resource_policy=allows) == Verdict(
        allowed=True, explicit_deny=False, statement=0, resource_policy=True
    )


@pytest.mark.parametrize("principal", ["nobody", {"AWS": "123456789012"}, {"Service": "events.amazonaws.com"}])
def test_a_resource_policy_for_somebody_else_is_silent(principal: object) -> None:
    """A Principal that names AWS identities does not take in a caller with a bearer token."""
    silent = document(statement(Resource="arn:aws:execute-api:*:*:other"))
    assert not evaluate(silent, ARN, resource_policy=document(statement(Principal=principal))).allowed


def test_the_short_resource_of_a_resource_policy_is_this_api() -> None:
    """`execute-api:/stage/METHOD/path` stands for the API that carries the policy."""
    silent = document(statement(Resource="arn:aws:execute-api:*:*:other"))
    short = document(statement(Principal="*", Resource="execute-api:/prod/GET/*"))
    assert evaluate(silent, ARN, resource_policy=short).allowed
    assert not evaluate(silent, ARN.replace("/GET/", "/PUT/"), resource_policy=short).allowed


@pytest.mark.parametrize(
    ("member", "value", "covered"),
    [
        ("Action", "execute-api:*", True),
        ("Action", "*", True),
        ("Action", "EXECUTE-API:invoke", True),
        ("Action", ["execute-api:ManageConnections", "execute-api:Inv?ke"], True),
        ("Action", "execute-api:InvalidateCache", False),
        ("NotAction", "execute-api:Invoke", False),
        ("NotAction", ["execute-api:InvalidateCache"], True),
    ],
)
def test_actions_match_without_case_and_with_wildcards(member: str, value: object, covered: bool) -> None:  # noqa: FBT001
    """Action and NotAction are read as the IAM user guide reads them."""
    one = statement()
    del one["Action"]
    one[member] = value
    assert evaluate(document(one), ARN).allowed is covered


def test_one_statement_needs_no_list_and_no_version() -> None:
    """IAM's grammar lets a single statement stand without brackets; without Version it is 2008-10-17."""
    found = evaluate({"Statement": statement(Resource="arn:aws:s3:::b/a${*}b")}, "arn:aws:s3:::b/a${}b")
    assert found.allowed


def without(name: str) -> dict[str, Any]:
    """Return a statement that lacks one member."""
    return {key: value for key, value in statement().items() if key != name}


MALFORMED: dict[str, object] = {
    "null document": None,
    "a string": "Allow",
    "a list": [statement()],
    "no statement": {"Version": "2012-10-17"},
    "null statement": {"Version": "2012-10-17", "Statement": None},
    "empty statements": {"Version": "2012-10-17", "Statement": []},
    "statement is a string": {"Version": "2012-10-17", "Statement": ["Allow"]},
    "null in the list": {"Version": "2012-10-17", "Statement": [statement(), None]},
    "unknown member of the document": document(statement()) | {"statements": []},
    "unknown version": document(statement(), version="2020-01-01"),
    "null version": {"Version": None, "Statement": [statement()]},
    "unknown member of a statement": document(statement(Resources=[])),
    "a Principal where none belongs": document(statement(Principal="*")),
    "effect in lower case": document(statement("allow")),
    "no effect": document(without("Effect")),
    "null effect": document(statement(Effect=None)),
    "null sid": document(statement(Sid=None)),
    "null condition": document(statement(Condition=None)),
    "condition is a list": document(statement(Condition=[])),
    "empty condition": document(statement(Condition={})),
    "condition without keys": document(statement(Condition={"StringEquals": {}})),
    "condition keys null": document(statement(Condition={"StringEquals": None})),
    "condition value null": document(statement(Condition={"StringEquals": {"a": None}})),
    "condition values empty": document(statement(Condition={"StringEquals": {"a": []}})),
    "condition value nested": document(statement(Condition={"StringEquals": {"a": [["b"]]}})),
    "unknown operator": document(statement(Condition={"StringMatches": {"a": "b"}})),
    "unknown qualifier": document(statement(Condition={"ForNoValue:StringEquals": {"a": "b"}})),
    "null with a qualifier of nobody": document(statement(Condition={"X:Null": {"a": "true"}})),
    "no date": document(statement(Condition={"DateLessThan": {"a": "soon"}})),
    "no date of four letters": document(statement(Condition={"DateLessThan": {"a": "2O26"}})),
    "no number": document(statement(Condition={"NumericEquals": {"a": "many"}})),
    "no boolean": document(statement(Condition={"Bool": {"a": "yes"}})),
    "no base64": document(statement(Condition={"BinaryEquals": {"a": "?"}})),
    "no network": document(statement(Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/64"}})),
    "open variable in a condition": document(statement(Condition={"StringLike": {"a": "${b"}})),
    "open variable in a text condition": document(statement(Condition={"StringEquals": {"a": "${b"}})),
    "no action": document(without("Action")),
    "both actions": document(statement(NotAction="s3:*")),
    "null action": document(statement(Action=None)),
    "empty actions": document(statement(Action=[])),
    "empty action": document(statement(Action="")),
    "no resource": document(without("Resource")),
    "both resources": document(statement(NotResource="*")),
    "null resource": document(statement(Resource=None)),
    "empty resources": document(statement(Resource=[])),
    "a null among the resources": document(statement(Resource=["*", None])),
    "empty resource": document(statement(Resource=[""])),
    "open variable": document(statement(Resource="arn:aws:execute-api:*:*:${")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_document_is_an_error_and_never_an_answer(name: str) -> None:
    """What the gateway answers with 500 is never read as an allow or a deny."""
    with pytest.raises(PolicyFormatError):
        evaluate(MALFORMED[name], ARN)


@pytest.mark.parametrize("principal", [None, {}, ["*"], 7])
def test_a_resource_policy_without_a_proper_principal_is_an_error(principal: object) -> None:
    """A resource policy must say whom it is about."""
    with pytest.raises(PolicyFormatError, match="Principal"):
        Policy(document(statement(Principal=principal)), resource_policy=True)


def test_a_malformed_statement_behind_a_deciding_one_is_still_an_error() -> None:
    """An answer that a later statement cannot change does not hide that the document is malformed."""
    with pytest.raises(PolicyFormatError, match="date"):
        evaluate(document(statement("Deny"), statement(Condition={"DateLessThan": {"a": "soon"}})), ARN)


def test_messages_hold_no_text_of_the_document() -> None:
    """What a document holds may come from a caller, so an error does not repeat it."""
    with pytest.raises(PolicyFormatError) as caught:
        evaluate(document(statement(Condition={"Secret": {"secret": "secret"}})), ARN)
    assert "secret" not in str(caught.value).lower()


def by_definition(pattern: str, text: str) -> bool:
    """Say by the definition alone whether a pattern covers a text."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(by_definition(pattern[1:], text[cut:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and by_definition(pattern[1:], text[1:])


@given(st.text("ab/:*?", max_size=7), st.text("ab/:", max_size=9))
def test_the_matcher_agrees_with_the_definition_of_its_wildcards(pattern: str, text: str) -> None:
    """For every pattern and text the fast matcher says what the three-line definition says."""
    tokens = tuple({"*": ANY, "?": ONE}.get(character, character) for character in pattern)
    assert matches(tokens, text) is by_definition(pattern, text)


@given(
    st.lists(st.sampled_from(["*", "?*", "orders/*", "*/1", "a", "${*}"]), min_size=1, max_size=4),
    st.text("orders/1*", max_size=9),
)
def test_adding_a_deny_never_widens(resources: list[str], path: str) -> None:
    """Whatever a document allows, the same document with one more Deny allows no more."""
    prefix = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/"
    allows = [statement(Resource=prefix + one) for one in resources[1:]] or [statement()]
    before = evaluate(document(*allows), prefix + path)
    after = evaluate(document(*allows, statement("Deny", Resource=prefix + resources[0])), prefix + path)
    assert before.allowed or not after.allowed


def test_every_pattern_of_a_document_can_be_listed() -> None:
    """A gateway holds each of them to its length limit."""
    one = without("Resource") | {"NotResource": ["b", "c"]}
    assert Policy(document(statement(Resource="a"), one)).resources == ("a", "b", "c")
