"""The settings of a function, read once from its environment, and the rules of its package, compiled if they are.

Laws of this package: a setting that is unknown, malformed or contradicts another stops the function when it
starts, with a message that names what was found and what is allowed; no message and no `repr` shows a usage key or
the value of a variable that is not ours. Compiled rules are used only where they were made from exactly the rules
text beside them; rules that cannot be had stop the function at start. This is one of the edges: it may read the
environment and files.

The table `SETTINGS` is printed in docs/front-ends.md.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

from typing import TYPE_CHECKING, Any, Final, Literal, cast

from cryptography.hazmat.primitives.hashes import SHA256, Hash

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.request import PLACES, CredentialSource
from lambda_authorizer.rules import RuleSet, load_compiled, parse_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

Response = Literal["policy", "simple"]
Unauthorized = Literal["raise", "deny"]
Telemetry = Literal["powertools", "plain"]

_PLACE: Final = "environment"
_PREFIX: Final = "AUTHORIZER_"
_LONGEST_TTL: Final = 3_600  # API Gateway and AppSync keep no answer longer
_POLICY_BYTES: Final = 6_144
_CONTEXT_BYTES: Final = 2_048
_MOST_BYTES: Final = 262_144
LARGEST_RULES: Final = 1 << 20  # a rules file of a thousand routes has a tenth of it
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# RFC 9110 section 5.6.2: a header's, a cookie's and a subprotocol's name.
_NAME: Final = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

# Variable, default in words, what it does.
SETTINGS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "AUTHORIZER_RULES",
        "`rules.toml`",
        "where the rules are: a file, `ssm:/name`, `appconfig:app/env/profile`, `s3://bucket/key`",
    ),
    (
        "AUTHORIZER_RESULT_TTL",
        "unknown, taken as cached",
        "seconds the gateway keeps an answer, 0 to 3600: the same number as in the authorizer's own setting",
    ),
    ("AUTHORIZER_RESPONSE", "`policy`", "`simple` where the HTTP API has simple responses switched on"),
    ("AUTHORIZER_UNAUTHORIZED", "`raise`", "`deny`: REST gets a Deny that is kept (403), not an error (401)"),
    (
        "AUTHORIZER_CREDENTIAL",
        "`header:Authorization`",
        "also `query:NAME`, `cookie:NAME`, `subprotocol:NAME`, `appsync`, `appsync:PREFIX`",
    ),
    ("AUTHORIZER_TELEMETRY", "`powertools`", "`plain` writes the same records without Powertools"),
    ("AUTHORIZER_RESOURCE_POLICY", "`false`", "`true` where the REST API has a resource policy that allows"),
    ("AUTHORIZER_VERIFIED_CACHE", "`on`", "`off`: verify a repeated token anew each time"),
    ("AUTHORIZER_TIME_BUDGET_MS", "`3000`", "most time for one decision, keys included; 100 to 10000"),
    ("AUTHORIZER_POLICY_BYTES", "`6144`", "largest policy document; what is over it is narrowed"),
    ("AUTHORIZER_CONTEXT_BYTES", "`2048`", "largest context; a WebSocket API never gets more than 2048"),
    ("AUTHORIZER_APPSYNC_SCHEMA", "none", "file with the GraphQL schema, or with one `Type.field` a line"),
    (
        "AUTHORIZER_APPSYNC_FIELDS",
        "`names`",
        "`arns`: write denied fields as ARNs, for a function of several APIs",
    ),
    ("AUTHORIZER_USAGE_KEYS", "none", "local runs only: JSON object, tier → API key value"),
    ("AUTHORIZER_HTTP_LOOPBACK", "none", "`allow`: keys over http:// from a loopback address, for local runs"),
    ("AUTHORIZER_CA_DIRECTORY", "the system's", "directory of hashed root certificates"),
)


class Settings:
    """Everything the environment says; nothing reads it again."""

    __slots__ = (
        "appsync_field_arns",
        "appsync_schema",
        "ca_directory",
        "context_bytes",
        "credential",
        "directory",
        "environment",
        "http_loopback",
        "level",
        "namespace",
        "policy_bytes",
        "resource_policy",
        "response",
        "result_ttl",
        "rules",
        "service",
        "telemetry",
        "time_budget_ms",
        "unauthorized",
        "usage_keys",
        "verified_cache",
    )

    def __init__(  # noqa: PLR0913 - one name for each setting
        self,
        *,
        rules: str,
        directory: str,
        result_ttl: int | None,
        response: Response,
        unauthorized: Unauthorized,
        credential: CredentialSource,
        telemetry: Telemetry,
        service: str,
        namespace: str,
        level: str,
        resource_policy: bool,
        verified_cache: bool,
        time_budget_ms: int,
        policy_bytes: int,
        context_bytes: int,
        appsync_schema: str | None,
        appsync_field_arns: bool,
        usage_keys: Mapping[str, str],
        http_loopback: bool,
        ca_directory: str | None,
        environment: Mapping[str, str],
    ) -> None:
        self.rules: Final = rules
        self.directory: Final = directory  # relative file names start here
        self.result_ttl: Final = result_ttl  # None: unknown, which counts as cached
        self.response: Final = response
        self.unauthorized: Final = unauthorized
        self.credential: Final = credential
        self.telemetry: Final = telemetry
        self.service: Final = service
        self.namespace: Final = namespace
        self.level: Final = level
        self.resource_policy: Final = resource_policy
        self.verified_cache: Final = verified_cache
        self.time_budget_ms: Final = time_budget_ms
        self.policy_bytes: Final = policy_bytes
        self.context_bytes: Final = context_bytes
        self.appsync_schema: Final = appsync_schema
        self.appsync_field_arns: Final = appsync_field_arns
        self.usage_keys: Final = usage_keys
        self.http_loopback: Final = http_loopback
        self.ca_directory: Final = ca_directory
        self.environment: Final = environment  # what `${NAME}` in the rules file may take

    def __repr__(self) -> str:
        """Show none of the values: some are secret."""
        return "Settings()"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check the settings.

        Raises:
            ConfigurationError: a setting is unknown, malformed or contradicts another.
        """
        known = {name for name, _, _ in SETTINGS}
        for name in environ:
            if name.startswith(_PREFIX) and name not in known:
                raise ConfigurationError.unknown_key(_PLACE, name, name, known)
        settings = cls(
            rules=_text(environ, "AUTHORIZER_RULES", "rules.toml"),
            directory=environ.get("LAMBDA_TASK_ROOT") or ".",
            result_ttl=_number(environ, "AUTHORIZER_RESULT_TTL", None, 0, _LONGEST_TTL),
            response=cast("Response", _choice(environ, "AUTHORIZER_RESPONSE", ("policy", "simple"))),
            unauthorized=cast("Unauthorized", _choice(environ, "AUTHORIZER_UNAUTHORIZED", ("raise", "deny"))),
            credential=_credential(_text(environ, "AUTHORIZER_CREDENTIAL", "header:Authorization")),
            telemetry=cast("Telemetry", _choice(environ, "AUTHORIZER_TELEMETRY", ("powertools", "plain"))),
            service=_text(environ, "POWERTOOLS_SERVICE_NAME", "authorizer"),
            namespace=_text(environ, "POWERTOOLS_METRICS_NAMESPACE", "LambdaAuthorizer"),
            level=_level(environ),
            resource_policy=_choice(environ, "AUTHORIZER_RESOURCE_POLICY", ("false", "true")) == "true",
            verified_cache=_choice(environ, "AUTHORIZER_VERIFIED_CACHE", ("on", "off")) == "on",
            time_budget_ms=_number(environ, "AUTHORIZER_TIME_BUDGET_MS", 3_000, 100, 10_000),
            policy_bytes=_number(environ, "AUTHORIZER_POLICY_BYTES", _POLICY_BYTES, 512, _MOST_BYTES),
            context_bytes=_number(environ, "AUTHORIZER_CONTEXT_BYTES", _CONTEXT_BYTES, 256, _MOST_BYTES),
            appsync_schema=environ.get("AUTHORIZER_APPSYNC_SCHEMA") or None,
            appsync_field_arns=_choice(environ, "AUTHORIZER_APPSYNC_FIELDS", ("names", "arns")) == "arns",
            usage_keys=_usage_keys(environ),
            http_loopback=_choice(environ, "AUTHORIZER_HTTP_LOOPBACK", ("", "allow")) == "allow",
            ca_directory=environ.get("AUTHORIZER_CA_DIRECTORY") or None,
            environment=environ,
        )
        if settings.response == "simple" and settings.result_ttl is None:
            # A kept yes is a yes to more than the one call: nobody may leave open whether it is kept.
            raise ConfigurationError(
                _PLACE, "AUTHORIZER_RESULT_TTL", "nothing", "0 to 3600, beside AUTHORIZER_RESPONSE=simple"
            )
        return settings


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    """Return a text; an empty variable is an absent one, as templates write it."""
    return environ.get(name) or default


def _choice(environ: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """Return one of a few words, by default the first."""
    value = environ.get(name) or allowed[0]
    if value not in allowed:
        words = " or ".join(word for word in allowed if word)
        raise ConfigurationError(_PLACE, name, repr(value), words)
    return value


def _number(environ: Mapping[str, str], name: str, default: Any, least: int, most: int) -> Any:
    """Return a whole number within bounds."""
    text = environ.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ConfigurationError(_PLACE, name, repr(text), f"a whole number from {least} to {most}")
    return int(text)


def _level(environ: Mapping[str, str]) -> str:
    """Return the log level, under either of the names that Powertools reads."""
    name = "POWERTOOLS_LOG_LEVEL" if environ.get("POWERTOOLS_LOG_LEVEL") else "LOG_LEVEL"
    level = (environ.get(name) or "INFO").upper()
    if level not in _LEVELS:
        raise ConfigurationError(_PLACE, name, repr(level), " or ".join(_LEVELS))
    return level


def _credential(text: str) -> CredentialSource:
    """Return where the credential is looked for."""
    place, colon, name = text.partition(":")
    wants_name = place != "appsync"
    named = set(name) <= _NAME if wants_name else name.isascii() and name.isprintable() and " " not in name
    if place not in PLACES or not named or (wants_name and not name) or (colon and not name):
        raise ConfigurationError(
            _PLACE,
            "AUTHORIZER_CREDENTIAL",
            repr(text),
            "header:NAME, query:NAME, cookie:NAME, subprotocol:NAME, appsync or appsync:PREFIX",
        )
    return CredentialSource(place, name)


def _usage_keys(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the API key values of a local run; no message shows one."""
    text = environ.get("AUTHORIZER_USAGE_KEYS")
    if not text:
        return {}
    from json import loads  # a local run pays for it

    try:
        values = loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) and value for value in values.values()):
        raise ConfigurationError(
            _PLACE, "AUTHORIZER_USAGE_KEYS", "something else", "a JSON object of tier names and key values"
        )
    return values


def is_remote(place: str) -> bool:
    """Say whether rules are outside the package."""
    return place.startswith(("ssm:", "appconfig:", "s3:"))


def load_rules(settings: Settings) -> RuleSet:
    """Return the rules of the package.

    Raises:
        ConfigurationError: they cannot be read, or hold a mistake.
    """
    place = settings.rules
    path = in_directory(settings.directory, place)
    source = _checked(place, read_file(path, place, "AUTHORIZER_RULES"))
    compiled = _compiled(path)
    if compiled is not None:
        return load_compiled(
            compiled,
            file=place,
            environment=settings.environment,
            source_digest=_sha256(source),
            http_loopback=settings.http_loopback,
        )
    return rules_of(source, place, settings)


def rules_of(text: bytes, place: str, settings: Settings) -> RuleSet:
    """Return the rules that a text holds: TOML, or JSON of the same shape.

    Raises:
        ConfigurationError: it holds a mistake.
    """
    # TOML never begins with a brace, JSON of this shape always does.
    file = f"{place}#rules.json" if not place.endswith(".json") and text.lstrip()[:1] == b"{" else place
    _checked(place, text)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(place, "(file)", "bytes that are not UTF-8", "UTF-8 text") from None
    return parse_rules(decoded, file=file, environment=settings.environment, http_loopback=settings.http_loopback)


def _sha256(source: bytes) -> str:
    """Return the hexadecimal SHA-256; cryptography is loaded anyway, hashlib would load a second OpenSSL."""
    hashed = Hash(SHA256())
    hashed.update(source)
    return hashed.finalize().hex()


def in_directory(directory: str, name: str) -> str:
    """Return the path of a file that a setting names."""
    return name if name.startswith("/") else f"{directory}/{name}"


def read_file(path: str, name: str, setting: str) -> bytes:
    """Return a file's bytes, or say which setting names a file that cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs the start more than the rules do
            return file.read(LARGEST_RULES + 1)
    except OSError as error:
        found = f"{name!r}, which cannot be read ({type(error).__name__})"
        raise ConfigurationError("environment", setting, found, "a file beside the function's code") from None


def _compiled(path: str) -> bytes | None:
    """Return the compiled form that lies beside the rules, if any."""
    try:
        with open(path.rpartition(".")[0] + ".compiled.jsonl", "rb") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:
        return None


def _checked(place: str, text: bytes) -> bytes:
    """Return the text unless it is too large to be rules."""
    if len(text) > LARGEST_RULES:
        raise ConfigurationError(place, "(file)", "more than 1 MB", "at most 1 MB of rules")
    return text
