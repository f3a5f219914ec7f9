"""An authorizer function made of a rules file and a fake issuer: what a tester puts behind a simulated gateway."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lambda_authorizer.authorizer import Authorizer
from lambda_authorizer.authorizer.start import parts
from lambda_authorizer.fetch.source import KeySource
from lambda_authorizer.testing.gateway import Clock
from lambda_authorizer.testing.issuer import FakeIssuer

Record = Mapping[str, object]


class _Recorder:
    """Keeps what the function would log."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, entry: Record) -> None:
        """Keep one decision."""
        self.records.append(dict(entry))


class AuthorizerFunction:
    """The shipped authorizer with your rules, on the gateway's clock; call it as Lambda does.

    Args:
        rules: path of the rules file.
        issuer: the issuer that the rules name as `${ISSUER}`, its keys inline.
        clock: the time of the function; a fresh one where not given.
        check: your own check, as for `Authorizer.from_environment`.
        usage_keys: tier to API key value; given, the answer names the key of the caller's tier.
        settings: further environment variables, such as `AUTHORIZER_RESULT_TTL="300"`.

    Raises:
        ConfigurationError: the function would not start.
    """

    def __init__(
        self,
        rules: str | Path,
        issuer: FakeIssuer,
        *,
        clock: Clock | None = None,
        check: Callable[[Any, Any], object] | None = None,
        usage_keys: Mapping[str, str] | None = None,
        **settings: str,
    ) -> None:
        self.clock = clock or Clock()
        self._recorder = _Recorder()
        path = Path(rules).resolve()
        environment = {
            "LAMBDA_TASK_ROOT": str(path.parent),
            "AUTHORIZER_RULES": path.name,
            "AUTHORIZER_TELEMETRY": "plain",
            **issuer.settings,
            **settings,
        }
        made = parts(check, environment, usage_keys=False)
        made["clock"] = self.clock
        made["keys"] = KeySource(made["rules"].issuers, clock=self.clock, directory=str(path.parent))
        made["telemetry"] = self._recorder
        made["usage_keys"] = usage_keys
        self.rules = made["rules"]
        self._authorizer = Authorizer(**made)

    @property
    def records(self) -> list[Record]:
        """One record a decision, oldest first, with the fields of the log."""
        return self._recorder.records

    def __call__(self, event: object, context: object = None) -> dict[str, Any]:
        """Answer an event.

        Raises:
            Unauthorized: the credential proves nothing.
            AuthorizerError: no answer can be given.
        """
        return self._authorizer.handle(event, context)
