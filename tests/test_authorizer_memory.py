"""The memory of verified tokens is bounded."""

from typing import Any

from lambda_authorizer.authorizer.caller import Verified, VerifiedTokens
from lambda_authorizer.principal import ANONYMOUS
from lambda_authorizer.testing.issuer import FakeIssuer
from lambda_authorizer.tokens.compact import parse_token


def result(expires_at: float) -> Verified:
    """Return a result that expires then."""
    token = parse_token(FakeIssuer().mint({"scope": "a"}))
    issuer: Any = None
    return Verified(token, issuer, 1, expires_at, ANONYMOUS)


def test_a_result_is_found_until_it_expires():
    """At `exp` the token is no longer good (RFC 7519 section 4.1.4); a clock that is no number finds nothing."""
    memory = VerifiedTokens()
    memory.put(b"a", result(100.0))
    assert memory.get(b"a", 99.999) is not None
    assert memory.get(b"a", 100.0) is None
    assert memory.get(b"a", float("nan")) is None
    assert memory.get(b"b", 0) is None


def test_memory_never_holds_more_than_its_bound():
    """A full memory is forgotten whole."""
    memory = VerifiedTokens(most=3)
    for number in range(10):
        memory.put(bytes([number]), result(100.0))
        assert len(memory._kept) <= 3
    assert memory.get(bytes([9]), 0) is not None
