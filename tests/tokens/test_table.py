"""[[issuer]]: every mistake is an error that says what to write instead; nothing is wider than it says."""

import json
from typing import Any

import pytest
from tests.tokens.minting import public_jwk

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.tokens import Issuer, KeySourceConfig
from lambda_authorizer.tokens.presets import PRESETS
from lambda_authorizer.tokens.table import check_issuers, issuer_from_table

TENANT = "8c1f2a7b-0000-4d6e-9a3b-000000000001"
OTHER = "8c1f2a7b-0000-4d6e-9a3b-000000000002"
BASE: dict[str, Any] = {"name": "main", "url": "https://issuer.example.test", "audience": ["api"]}
INTROSPECTION = {"endpoint": "https://issuer.example.test/introspect", "client_id": "api", "secret": "env:SECRET"}
KEYS = json.dumps({"keys": [public_jwk("ES256")]})


def read(*, http_loopback: bool = False, without: tuple[str, ...] = (), **changes: object) -> Issuer:
    """Read the smallest table with these changes."""
    table = {key: value for key, value in {**BASE, **changes}.items() if key not in without}
    return issuer_from_table(table, file="rules.toml", key="issuer[0]", http_loopback=http_loopback)


def mistake(**changes: Any) -> ConfigurationError:
    """The error that these changes cause."""
    with pytest.raises(ConfigurationError) as caught:
        read(**changes)
    assert caught.value.file == "rules.toml"
    assert caught.value.key.startswith("issuer[0]")
    return caught.value


def test_the_smallest_table_trusts_as_little_as_can_be() -> None:
    """Discovery, asymmetric algorithms only, no leeway, access tokens only."""
    issuer = read()
    assert issuer.key_source == KeySourceConfig("discover", BASE["url"], BASE["url"])
    assert issuer.key_source != KeySourceConfig("discover", BASE["url"], BASE["url"], http_loopback=True)
    assert issuer.iss_values == (BASE["url"],)
    assert issuer.audiences == ("api",)
    assert issuer.algorithms == ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
    assert (issuer.preset, issuer.leeway, issuer.token_use, issuer.introspection) == ("oidc", 0, "access", None)


@pytest.mark.parametrize("name", ["url", "audience", "name"])
def test_what_trust_rests_on_must_be_stated(name: str) -> None:
    """Trust is stated, never assumed."""
    error = mistake(without=(name,))
    assert (error.key, error.found) == (f"issuer[0].{name}", "nothing")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"audiance": ["x"]}, "audiance"),
        ({"claims": {"scope": "x"}}, "claims.scope"),
        ({"introspection": {**INTROSPECTION, "timeout": 5}}, "introspection.timeout"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_nearest(changes: dict[str, Any], key: str) -> None:
    """A slip never switches anything off unseen."""
    error = mistake(**changes)
    assert error.key == f"issuer[0].{key}"
    assert "unknown key" in error.found


def test_a_slip_gets_the_right_word() -> None:
    """The message ends in the name that was meant."""
    assert mistake(audiance=["x"]).hint == "Did you mean 'audience'?"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "x" * 65, 5, None, ["main"]])
def test_an_alias_is_a_plain_word(name: object) -> None:
    """It goes into logs, metrics and rules."""
    assert mistake(name=name).key == "issuer[0].name"


@pytest.mark.parametrize(
    "url",
    [
        "",
        5,
        "http://issuer.example.test",
        "issuer.example.test",
        "https://",
        "https:///x",
        "ftp://x",
        "https://a b",
        "https://a\n",
        "https://é",
        "https://user@host",
        "https://host/?q=1",
        "https://host?q=1",
        "https://host/#f",
        "https://host/`",
        "https://h/{t}<",
        "https://" + "a" * 600,
        "HTTPS://host",
        "http://localhost.attacker.test",
        "http://127.0.0.1",
        "//host",
        "https:host",
    ],
)
def test_the_issuer_is_https_without_query_fragment_or_user(url: object) -> None:
    """RFC 8414 section 2; OpenID Connect Discovery section 3."""
    assert mistake(url=url).key == "issuer[0].url"


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/r", "http://127.0.0.1:9", "http://[::1]:80/x", "http://127.0.0.1"]
)
def test_http_is_for_loopback_and_only_where_the_caller_says_so(url: str) -> None:
    """Local runs; never by the rules file alone."""
    issuer = read(url=url, http_loopback=True)
    assert issuer.key_source is not None
    assert issuer.key_source.http_loopback
    assert mistake(url=url).key == "issuer[0].url"
    for other in (
        "http://host",
        "http://127.0.0.2",
        "http://localhost@host",
        "http://[::2]",
        "http://localhost:x",
    ):
        assert mistake(url=other, http_loopback=True).key == "issuer[0].url"


def test_an_issuer_that_is_no_address_needs_keys_of_its_own() -> None:
    """RFC 7519 section 4.1.1: `iss` may be any string; it cannot be discovered then."""
    assert read(url="svc@project.example", jwks="https://keys.example.test/jwks").iss_values == (
        "svc@project.example",
    )
    for url in ("two words", "x" * 600, "a\tb"):
        assert mistake(url=url, jwks="file:keys.json").key == "issuer[0].url"


@pytest.mark.parametrize(
    "audience", ["api", "", [], [""], [5], ["a", "a"], {"a": 1}, True, ["unchecked, on purpose"], "unchecked"]
)
def test_audience_is_a_list_or_the_whole_sentence(audience: object) -> None:
    """Opting out is longer to write than checking."""
    error = mistake(audience=audience)
    assert error.key == "issuer[0].audience"
    assert "unchecked, on purpose" in error.allowed


def test_the_audience_check_can_be_switched_off_in_full() -> None:
    """By the sentence, and by nothing else."""
    assert read(audience="unchecked, on purpose").audiences is None


@pytest.mark.parametrize(
    "algorithms", [[], "RS256", ["none"], ["HS256"], ["RS256", "RS256"], ["rs256"], [None], ["ES256K"], {}]
)
def test_algorithms_are_a_list_of_known_asymmetric_names(algorithms: object) -> None:
    """An empty list means no algorithm, not any: it is a mistake."""
    assert mistake(algorithms=algorithms).key == "issuer[0].algorithms"


def test_algorithms_can_be_narrowed_or_named() -> None:
    """The list stands as written."""
    assert read(algorithms=["PS512"]).algorithms == ("PS512",)
    assert "secret" in mistake(algorithms=["HS256"]).hint


@pytest.mark.parametrize("leeway", [-1, 301, 1.5, "5", True, None, [5]])
def test_leeway_is_at_most_five_minutes(leeway: object) -> None:
    """RFC 7519 section 4.1.4: usually no more than a few minutes."""
    assert mistake(leeway=leeway).key == "issuer[0].leeway"
    assert read(leeway=300).leeway == 300


@pytest.mark.parametrize("preset", ["Cognito", "", 5, "azure", None])
def test_a_preset_is_one_of_the_known(preset: object) -> None:
    """The message lists them."""
    assert all(name in mistake(preset=preset).allowed for name in ("cognito", "entra", "rfc9068"))


@pytest.mark.parametrize("use", ["ID", "", "any", 5, True, ["access"], "unchecked"])
def test_token_use_is_access_or_id_or_the_whole_sentence(use: object) -> None:
    """An ID token passes only where it is asked for."""
    assert mistake(token_use=use).key == "issuer[0].token_use"


def test_token_use_as_written() -> None:
    """Access by default."""
    assert read(token_use="id").token_use == "id"
    assert read(token_use="unchecked, on purpose").token_use is None


@pytest.mark.parametrize("preset", ["rfc9068", "github", "sts"])
def test_presets_of_one_kind_of_token_cannot_be_widened(preset: str) -> None:
    """Their check of use is what tells the token from everything else the provider signs."""
    for use in ("id", "unchecked, on purpose"):
        assert mistake(preset=preset, token_use=use).allowed == '"access"'


def test_google_tokens_are_id_tokens_and_must_be_asked_for() -> None:
    """No preset takes an ID token unasked."""
    google = {"preset": "google", "url": "https://accounts.google.com"}
    assert mistake(**google).hint.startswith("Tokens of google are ID tokens")
    for use in ("access", "unchecked, on purpose"):
        assert mistake(**google, token_use=use).allowed == '"id"'
    issuer = read(**google, token_use="id")
    assert issuer.iss_values == ("https://accounts.google.com", "accounts.google.com")
    assert mistake(preset="google", token_use="id").key == "issuer[0].url"


def test_jwks_as_address_file_or_inline() -> None:
    """The four places that keys come from."""

    def source(jwks: object) -> tuple[str, str]:
        found = read(jwks=jwks).key_source
        assert found is not None
        return found.kind, found.value

    assert source("https://keys.example.test/jwks?x=1") == ("https", "https://keys.example.test/jwks?x=1")
    assert source("file:keys.json") == ("file", "keys.json")
    assert source(" " + KEYS) == ("inline", " " + KEYS)
    assert source(json.loads(KEYS))[0] == "inline"


@pytest.mark.parametrize(
    "jwks",
    [
        "",
        "file:",
        "http://host/jwks",
        "keys.json",
        "Discover",
        5,
        True,
        ["x"],
        "{",
        '{"keys":[]}',
        '{"keys":5}',
        {"keys": []},
        json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}]}),
        "https://user:pw@host/",
        "https://",
        "file",
        "ssm:/x",
    ],
)
def test_jwks_that_is_no_place_or_holds_no_usable_key(jwks: object) -> None:
    """Keys given inline are read at once, so that a function without keys does not start."""
    assert mistake(jwks=jwks).key == "issuer[0].jwks"


def test_a_key_set_in_a_message_shows_reasons_and_nothing_else() -> None:
    """Why its keys cannot be used, but no member of them."""
    error = mistake(jwks=json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}))
    assert "symmetric" in str(error)
    assert "c2VjcmV0" not in str(error)


def test_a_seed_serves_keys_that_are_fetched() -> None:
    """Until the first refresh, and no longer than its age allows."""
    source = read(jwks_seed="file:seed.json", jwks_seed_max_age=3600).key_source
    assert source is not None
    assert (source.kind, source.seed, source.seed_max_age) == ("discover", "seed.json", 3600)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"jwks_seed": "seed.json"}, "jwks_seed"),
        ({"jwks_seed": "file:"}, "jwks_seed"),
        ({"jwks_seed": 5}, "jwks_seed"),
        ({"jwks_seed": "file:s", "jwks": "file:k"}, "jwks_seed"),
        ({"jwks_seed": "file:s", "jwks": KEYS}, "jwks_seed"),
        ({"jwks_seed": "file:s", "jwks_seed_max_age": 60}, "jwks_seed_max_age"),
        ({"jwks_seed": "file:s", "jwks_seed_max_age": 31 * 86400}, "jwks_seed_max_age"),
        ({"jwks_seed_max_age": 86400}, "jwks_seed_max_age"),
    ],
)
def test_seeds_that_contradict(changes: dict[str, Any], key: str) -> None:
    """A seed without a fetch, an age without a seed, an age out of bounds."""
    assert mistake(**changes).key == f"issuer[0].{key}"


def test_introspection_stands_in_place_of_keys() -> None:
    """Secrets by reference only; defaults for the two caches."""
    issuer = read(introspection=INTROSPECTION)
    assert issuer.key_source is None
    assert issuer.introspection is not None
    assert issuer.introspection._asdict() == {
        **INTROSPECTION,
        "issuer": BASE["url"],
        "auth": "client_secret_basic",
        "cache": 60,
        "negative_cache": 10,
        "http_loopback": False,
    }
    found = read(introspection={"client_id": "c", "secret": "ssm:/x", "auth": "private_key_jwt"}).introspection
    assert found is not None
    assert (found.endpoint, found.auth) == ("discover", "private_key_jwt")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"endpoint": "http://host"}, "introspection.endpoint"),
        ({"endpoint": ""}, "introspection.endpoint"),
        ({"endpoint": "https://"}, "introspection.endpoint"),
        ({"auth": "none"}, "introspection.auth"),
        ({"auth": 5}, "introspection.auth"),
        ({"client_id": None}, "introspection.client_id"),
        ({"client_id": ""}, "introspection.client_id"),
        ({"secret": None}, "introspection.secret"),
        ({"secret": "hunter2"}, "introspection.secret"),
        ({"secret": "env:"}, "introspection.secret"),
        ({"cache": 3601}, "introspection.cache"),
        ({"cache": -1}, "introspection.cache"),
        ({"negative_cache": 301}, "introspection.negative_cache"),
        ({"negative_cache": "5"}, "introspection.negative_cache"),
    ],
)
def test_introspection_mistakes(changes: dict[str, Any], key: str) -> None:
    """Each names its key; a secret written down by mistake is not repeated."""
    error = mistake(introspection={**INTROSPECTION, **changes})
    assert error.key == f"issuer[0].{key}"
    assert "hunter2" not in str(error)


def test_introspection_contradictions() -> None:
    """Not beside keys, not for presets whose tokens are read, not discovered from what is no address."""
    assert mistake(introspection=INTROSPECTION, jwks="discover").key == "issuer[0].jwks"
    assert mistake(introspection=INTROSPECTION, jwks_seed="file:x").key == "issuer[0].jwks_seed"
    assert mistake(introspection=INTROSPECTION, preset="cognito").key == "issuer[0].introspection"
    assert mistake(introspection="yes").key == "issuer[0].introspection"
    bare = {"client_id": "c", "secret": "env:X"}
    assert mistake(url="issuer", introspection=bare).key == "issuer[0].introspection.endpoint"
    assert read(url="issuer", introspection=INTROSPECTION).url == "issuer"


def test_claims_are_names_taken_whole_or_paths() -> None:
    """Dots and slashes part nothing."""
    issuer = read(claims={"tier": "https://airline.example/tier", "roles": ["realm_access", "roles"]})
    assert issuer.claim_paths["tier"] == (("https://airline.example/tier",),)
    assert issuer.claim_paths["roles"] == (("realm_access", "roles"),)
    assert issuer.claim_paths["scopes"] == (("scope",), ("scp",))


@pytest.mark.parametrize("value", ["", [], [""], 5, None, True, {"a": "b"}, ["a", "a"]])
def test_claim_paths_are_strings_or_lists_of_strings(value: object) -> None:
    """Anything else is a mistake."""
    assert mistake(claims={"tier": value}).key == "issuer[0].claims.tier"


def test_claims_must_be_a_table() -> None:
    """And is named as the place of the mistake."""
    assert mistake(claims="tier").key == "issuer[0].claims"


def test_auth0_issuers_end_in_a_slash() -> None:
    """The commonest slip with Auth0 is found at start, not by every token."""
    assert "slash" in mistake(preset="auth0", url="https://t.eu.auth0.com").hint
    assert read(preset="auth0", url="https://t.eu.auth0.com/").url.endswith("/")


@pytest.mark.parametrize("version", ["v2.0", ""])
def test_entra_with_one_tenant(version: str) -> None:
    """Its tenant is the one of the url; v1 and v2 are told apart by it."""
    host = "https://login.microsoftonline.com" if version else "https://sts.windows.net"
    issuer = read(preset="entra", url=f"{host}/{TENANT}/{version}")
    assert issuer.iss_values == (f"{host}/{TENANT}/{version}",)
    assert issuer.key_source is not None
    assert issuer.key_source.value == issuer.key_source.issuer == issuer.url


def test_entra_with_listed_tenants() -> None:
    """Discovery at the shared address, whose metadata names a pattern; tokens of the listed tenants only."""
    for shared in ("common", "organizations", "{tenantid}"):
        url = f"https://login.microsoftonline.com/{shared}/v2.0"
        issuer = read(preset="entra", url=url, tenants=[TENANT, OTHER])
        assert issuer.iss_values == tuple(f"https://login.microsoftonline.com/{t}/v2.0" for t in (TENANT, OTHER))
        assert issuer.key_source is not None
        assert issuer.key_source.issuer == "https://login.microsoftonline.com/{tenantid}/v2.0"
        place = "organizations" if shared == "organizations" else "common"
        assert issuer.key_source.value == f"https://login.microsoftonline.com/{place}/v2.0"
        assert issuer.any_tenant is None


def test_entra_v1_with_listed_tenants() -> None:
    """sts.windows.net has no metadata for all tenants; login.microsoftonline.com has."""
    issuer = read(preset="entra", url="https://sts.windows.net/common/", tenants=[TENANT])
    assert issuer.iss_values == (f"https://sts.windows.net/{TENANT}/",)
    assert issuer.key_source is not None
    assert issuer.key_source.value == "https://login.microsoftonline.com/common"
    assert issuer.key_source.issuer == "https://sts.windows.net/{tenantid}/"


def test_entra_with_any_tenant_on_purpose() -> None:
    """The opt-out is a sentence."""
    issuer = read(preset="entra", url="https://login.microsoftonline.com/common/v2.0", tenants="any, on purpose")
    assert (issuer.iss_values, issuer.any_tenant) == ((), "https://login.microsoftonline.com/{tenantid}/v2.0")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"url": "https://login.microsoftonline.com/common/v2.0"}, "tenants"),
        ({"url": "https://login.microsoftonline.com/common/v2.0", "tenants": []}, "tenants"),
        ({"url": "https://login.microsoftonline.com/common/v2.0", "tenants": "any"}, "tenants"),
        ({"url": "https://login.microsoftonline.com/common/v2.0", "tenants": ["contoso.com"]}, "tenants"),
        ({"url": "https://login.microsoftonline.com/common/v2.0", "tenants": [TENANT.upper()]}, "tenants"),
        ({"url": f"https://login.microsoftonline.com/{TENANT}/v2.0", "tenants": [TENANT]}, "tenants"),
        ({"url": f"https://login.microsoftonline.com/{TENANT.upper()}/v2.0"}, "url"),
        ({"url": "https://login.microsoftonline.com/contoso.com/v2.0"}, "url"),
        ({"url": f"https://login.microsoftonline.com/{TENANT}"}, "url"),
        ({"url": f"https://login.microsoftonline.com/{TENANT}/v3.0"}, "url"),
    ],
)
def test_entra_mistakes(changes: dict[str, Any], key: str) -> None:
    """A shared url needs tenants, a tenant's own must not have any; ids are written as Entra writes them."""
    assert mistake(preset="entra", **changes).key == f"issuer[0].{key}"


def test_tenants_belong_to_entra() -> None:
    """Elsewhere they would be ignored: a mistake."""
    assert mistake(tenants=[TENANT]).key == "issuer[0].tenants"


def test_keycloak_client_roles_give_way_to_a_path_of_ones_own() -> None:
    """What is written down replaces the default as a whole."""
    assert read(preset="keycloak").client_roles
    assert read(preset="keycloak", claims={"tier": "tier"}).client_roles
    assert not read(preset="keycloak", claims={"roles": "roles"}).client_roles


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_trusts_a_symmetric_algorithm(preset: str) -> None:
    """Defaults are asymmetric, by preset."""
    assert PRESETS[preset].algorithms
    assert not any(name.startswith("HS") or name == "none" for name in PRESETS[preset].algorithms)


def test_issuers_that_a_token_could_not_tell_apart() -> None:
    """One alias, one iss, one that is asked about opaque tokens."""
    two = read(name="two", url="https://two.example.test")
    check_issuers([read(), two], file="rules.toml")
    asked = {"introspection": INTROSPECTION}
    for second, key in (
        (read(url="https://two.example.test"), "issuer[1].name"),
        (read(name="two", audience=["other"]), "issuer[1].url"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            check_issuers([read(), second], file="rules.toml")
        assert caught.value.key == key
    with pytest.raises(ConfigurationError) as caught:
        check_issuers(
            [read(**asked), two, read(name="3", url="https://3.example.test", **asked)], file="rules.toml"
        )
    assert caught.value.key == "issuer[2].introspection"


def test_entra_tenants_listed_twice_are_found_across_tables() -> None:
    """A tenant of a list and the same tenant by its own url would be one iss for two issuers."""
    listed = read(preset="entra", url="https://login.microsoftonline.com/common/v2.0", tenants=[TENANT, OTHER])
    single = read(name="two", preset="entra", url=f"https://login.microsoftonline.com/{OTHER}/v2.0")
    anybody = read(
        name="two", preset="entra", url="https://login.microsoftonline.com/common/v2.0", tenants="any, on purpose"
    )
    with pytest.raises(ConfigurationError):
        check_issuers([anybody._replace(name="main"), anybody], file="rules.toml")
    for second in (single, anybody):
        for pair in ([listed, second], [second._replace(name="main"), listed._replace(name="two")]):
            with pytest.raises(ConfigurationError):
                check_issuers(pair, file="rules.toml")


def test_an_issuer_is_a_value() -> None:
    """Equal where its fields are, and its repr shows no more than the alias."""
    assert read() == read()
    assert hash(read()) == hash(read())
    assert read() != read(leeway=5)
    assert read() != read().key_source
    assert repr(read()) == "Issuer(name='main')"
