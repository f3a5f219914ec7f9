"""The fixtures of the plugin, whether or not the distribution is installed where the tests run."""

from lambda_authorizer.testing.plugin import (
    assert_allows_,
    assert_denies_,
    authorizer_events,
    fake_issuer,
    gateway,
)

__all__ = ["assert_allows_", "assert_denies_", "authorizer_events", "fake_issuer", "gateway"]
