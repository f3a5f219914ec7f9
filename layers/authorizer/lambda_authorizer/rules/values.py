"""Checks of values that may come from the environment, and so may happen at build or at start."""

from collections.abc import Sequence

from lambda_authorizer.errors import ConfigurationError


def check_networks(networks: Sequence[str], *, file: str, key: str, line: int | None = None) -> None:
    """Raise ConfigurationError for what is no address range; `${…}` is checked when it is filled in."""
    import ipaddress

    for network in networks:
        if "${" in network:
            continue
        try:
            ipaddress.ip_network(network)
        except ValueError as wrong:
            hint = "Its host bits must be zero." if "host bits" in str(wrong) else ""
            raise ConfigurationError(
                file,
                key,
                repr(network),
                "address ranges such as 192.0.2.0/24 or 2001:db8::/32",
                line=line,
                hint=hint,
            ) from None
