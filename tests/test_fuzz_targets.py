"""The fuzz targets do not rot: each runs over its seeds, and over mutations of them."""

import pytest
from fuzz import targets
from hypothesis import given
from hypothesis import strategies as st
from tests.tokens.minting import segment

from lambda_authorizer.tokens.compact import parse_token
from lambda_authorizer.tokens.verify import issuer_for

SEEDS = {name: list(targets.seeds(name)) for name in targets.TARGETS}


@pytest.mark.parametrize("name", targets.TARGETS)
def test_every_target_takes_its_seeds(name: str) -> None:
    """Nothing but the errors that a target allows is raised."""
    assert SEEDS[name]
    for seed in SEEDS[name]:
        targets.TARGETS[name](seed)


@pytest.mark.parametrize("name", targets.TARGETS)
@given(data=st.data())
def test_every_target_takes_mutated_seeds_and_noise(name: str, data: st.DataObject) -> None:
    """A cut, a change and a splice; or any bytes at all."""
    seed = data.draw(st.sampled_from(SEEDS[name]) | st.binary(max_size=200))
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, len(seed)))
    targets.TARGETS[name](seed[:start] + data.draw(st.binary(max_size=8)) + seed[end:])


@pytest.mark.parametrize("seed", SEEDS["claims"])
def test_the_seeds_of_the_claims_target_reach_the_end(seed: bytes) -> None:
    """Each is accepted as it stands, so that mutations begin behind every check."""
    header, _, payload = seed.partition(b"\0")
    token = parse_token(f"{segment(header)}.{segment(payload)}.AAAA")
    issuer = issuer_for(token, targets.ISSUERS)
    claims = targets.verify_token(token, targets.EveryKey(token.key_id), issuer, targets.NOW)
    assert targets.map_principal(claims, issuer, targets.TIERS).id == "u"


def test_a_target_reports_what_is_wrong() -> None:
    """The runner would not see a target that swallows everything."""
    with pytest.raises(AttributeError):
        targets.token("no bytes")  # type: ignore[arg-type]
