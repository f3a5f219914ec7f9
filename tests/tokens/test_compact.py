"""Reading a token without believing it."""

import json

import pytest
from tests.tokens.minting import ALGORITHMS, CLAIMS, URL, accept, b64, mint, public_jwk, segment, sign

from lambda_authorizer.errors import (
    MalformedTokenError,
    TokenError,
    TokenTooLargeError,
    UnknownKeyError,
    UnsupportedAlgorithmError,
)
from lambda_authorizer.tokens.compact import (
    MAX_HEADER_CHARS,
    MAX_KEY_ID_CHARS,
    MAX_TOKEN_CHARS,
    _parse_header,
    parse_token,
)

HEADER = {"alg": "ES256", "kid": "main"}


def test_a_sound_token_tells_only_what_is_needed_to_find_its_key() -> None:
    """Algorithm, kid and the issuer it claims; no claim can be read, and its repr shows nothing."""
    token = parse_token(mint())
    assert (token.algorithm, token.key_id, token.issuer_url, token.header_type) == ("ES256", "main", URL, "jwt")
    assert repr(token) == str(token) == "UnverifiedToken()"
    assert not hasattr(token, "claims")
    assert not hasattr(token, "__dict__")


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b", "a.b.c.d", "abc", "a.b.c.d.e.f", "....", "." * 9000],
)
def test_input_with_other_than_two_dots_is_refused(text: str) -> None:
    """RFC 7515 section 3.1: header, payload, signature."""
    with pytest.raises(MalformedTokenError):
        parse_token(text)


def test_an_encrypted_token_is_refused_with_a_clear_reason() -> None:
    """RFC 8725 section 3.6: a JWE is neither decrypted nor decompressed."""
    with pytest.raises(MalformedTokenError, match="JWE"):
        parse_token(f"{segment({'alg': 'dir', 'enc': 'A128GCM', 'zip': 'DEF'})}..AAAA.AAAA.AAAA")


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    "noise", ["=", "==", " ", "\n", "\t", "\r\n", "+", "/", "%", "é", "\0", "\u200b", "\ud800"]
)
def test_padding_whitespace_and_foreign_characters_are_refused_in_each_segment(at: int, noise: str) -> None:
    """RFC 7515 section 2: base64url without padding, line breaks, whitespace or other characters."""
    segments = mint().split(".")
    for changed in (segments[at] + noise, noise + segments[at], segments[at][:8] + noise + segments[at][8:]):
        with pytest.raises(MalformedTokenError):
            parse_token(".".join([*segments[:at], changed, *segments[at + 1 :]]))


def test_non_zero_spare_bits_are_refused() -> None:
    """Else one signature would have several spellings, and a token hash would not name one token."""
    head, payload, signature = mint().split(".")  # 64 octets of signature leave 4 spare bits
    assert signature[-1] in "AQgw"
    other = chr(ord(signature[-1]) + 1)
    with pytest.raises(MalformedTokenError):
        parse_token(f"{head}.{payload}.{signature[:-1]}{other}")


@pytest.mark.parametrize("payload", [b"\xef\xbb\xbf{}", '{"iss":"x"}'.encode("utf-16"), b'{"iss":"\xff"}', b""])
def test_payloads_that_are_no_plain_utf8_json_are_refused(payload: bytes) -> None:
    """RFC 7519 section 3: UTF-8, without a byte order mark."""
    with pytest.raises(MalformedTokenError):
        parse_token(sign(HEADER, payload))


@pytest.mark.parametrize("payload", [[], [CLAIMS], "text", '"text"', "5", "null", "true"])
def test_a_payload_that_is_no_json_object_is_refused(payload: object) -> None:
    """RFC 7519 section 7.2, step 10."""
    with pytest.raises(MalformedTokenError):
        parse_token(sign(HEADER, payload))


@pytest.mark.parametrize(
    "header", ["[]", '"x"', "null", "", "{", '{"alg":"ES256"}x', b"\xff", '{"alg":"ES256","a":NaN}']
)
def test_a_header_that_is_no_json_object_is_refused(header: object) -> None:
    """RFC 7515 section 5.2, step 3."""
    with pytest.raises(MalformedTokenError):
        parse_token(sign(header, CLAIMS))


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ('{"alg":"ES256","alg":"none"}', "{}"),
        ('{"alg":"ES256","kid":"a","kid":"b"}', "{}"),
        ('{"alg":"ES256"}', '{"sub":"a","sub":"b"}'),
        ('{"alg":"ES256"}', '{"a":{"b":1,"b":2}}'),
        ('{"alg":"ES256"}', '{"sub":"a","s\\u0075b":"b"}'),
    ],
)
def test_duplicate_member_names_are_refused(header: str, payload: str) -> None:
    """RFC 7515 section 4 and RFC 7519 section 4: two readers must not see two tokens."""
    with pytest.raises(MalformedTokenError):
        parse_token(sign(header, payload))


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "hs256", "RS1", "ES256K", "es256",
     "RSA1_5", "dir", "", " ES256"],
)  # fmt: skip
def test_none_hs_and_unknown_algorithms_are_refused(algorithm: str) -> None:
    """RFC 8725 sections 2.1, 3.1 and 3.2: only signatures by asymmetric keys exist here."""
    for signature in ("", "AAAA"):
        with pytest.raises(UnsupportedAlgorithmError):
            parse_token(f"{segment({'alg': algorithm})}.{segment(CLAIMS)}.{signature}")


@pytest.mark.parametrize("algorithm", [None, 5, True, ["ES256"], {"alg": "ES256"}])
def test_alg_that_is_no_string_is_refused(algorithm: object) -> None:
    """RFC 7515 section 4.1.1."""
    with pytest.raises(MalformedTokenError):
        parse_token(sign({"alg": algorithm}, CLAIMS))


def test_alg_missing_is_refused() -> None:
    """RFC 7515 section 4.1.1: it must be present."""
    with pytest.raises(MalformedTokenError, match="alg"):
        parse_token(sign({"kid": "main"}, CLAIMS))


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]},
        {"crit": ["http://example.test/UNDEFINED"], "http://example.test/UNDEFINED": True},
        {"crit": []},
        {"crit": "exp"},
        {"crit": None},
        {"crit": ["kid"]},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"b64": None},
        {"b64": "true"},
    ],
)
def test_crit_and_b64_are_refused(extra: dict[str, object]) -> None:
    """RFC 7515 section 4.1.11 and RFC 7797: no extension is understood, so none may be critical."""
    with pytest.raises(MalformedTokenError):
        parse_token(mint(header=extra))


@pytest.mark.parametrize("key_id", [None, 5, True, ["main"], {"kid": "main"}, "k" * (MAX_KEY_ID_CHARS + 1)])
def test_kid_that_is_no_string_or_too_long_is_refused(key_id: object) -> None:
    """RFC 7515 section 4.1.4."""
    with pytest.raises(MalformedTokenError):
        parse_token(mint(header={"kid": key_id}))
    assert parse_token(mint(header={"kid": "k" * MAX_KEY_ID_CHARS})).key_id == "k" * MAX_KEY_ID_CHARS


@pytest.mark.parametrize("kind", [None, 5, ["JWT"]])
def test_typ_that_is_no_string_is_refused(kind: object) -> None:
    """RFC 7515 section 4.1.9."""
    with pytest.raises(MalformedTokenError):
        parse_token(mint(header={"typ": kind}))


@pytest.mark.parametrize(
    ("kind", "normal"),
    [("JWT", "jwt"), ("at+jwt", "at+jwt"), ("AT+JWT", "at+jwt"), ("application/at+jwt", "at+jwt")],
)
def test_typ_is_a_media_type_in_any_case(kind: str, normal: str) -> None:
    """RFC 7515 section 4.1.9: "application/" may be left out; RFC 2045: case does not count."""
    assert parse_token(mint(header={"typ": kind})).header_type == normal


def test_unknown_extra_header_members_are_ignored() -> None:
    """RFC 7515 section 4: what is not understood and not critical is ignored."""
    assert accept(mint(header={"x-custom": {"a": [1, 2]}, "cty": "JWT", "ver": 5})).values["sub"] == "user-1"


def test_jku_jwk_x5u_x5c_never_supply_a_key() -> None:
    """RFC 8725 section 3.10: a token signed by a key that it brings along itself is refused."""
    brought = public_jwk("ES256", "attacker")
    header = {"jwk": brought, "jku": "http://127.0.0.1:1/k", "x5u": "http://127.0.0.1:1/c", "x5c": ["AAAA"]}
    with pytest.raises(UnknownKeyError):
        accept(mint(name="attacker", header=header))
    assert accept(mint(header=header)).key_id == "main"


def test_a_token_without_a_signature_is_refused() -> None:
    """An empty signature segment is a token with `none` in all but name."""
    with pytest.raises(MalformedTokenError):
        parse_token(mint().rpartition(".")[0] + ".")


def test_a_token_over_the_size_bound_is_refused_without_parsing() -> None:
    """Not one character is read: the text is no token at all, and the answer is about its size."""
    with pytest.raises(TokenTooLargeError):
        parse_token("\ud800" * (MAX_TOKEN_CHARS + 1))
    with pytest.raises(MalformedTokenError):
        parse_token("\ud800" * MAX_TOKEN_CHARS)


def test_a_header_over_its_bound_is_refused() -> None:
    """Bounds come before work."""
    with pytest.raises(TokenTooLargeError):
        parse_token("A" * (MAX_HEADER_CHARS + 1) + ".AAAA.AAAA")
    with pytest.raises(MalformedTokenError):
        parse_token("A" * MAX_HEADER_CHARS + ".AAAA.AAAA")


@pytest.mark.parametrize(
    "payload",
    [
        '{"a":' + "[" * 2000 + "]" * 2000 + "}",
        '{"a":' * 800 + "1" + "}" * 800,
        "{" + ",".join(f'"{i}":1' for i in range(300)) + "}",
        '{"exp":' + "9" * 5000 + "}",
        '{"exp":1' + "0" * 40 + ".5}",
        '{"exp":1e400}',
    ],
)
def test_depth_claims_and_digits_are_bounded(payload: str) -> None:
    """Nesting, number of members and length of numbers are refused before they cost anything."""
    with pytest.raises(MalformedTokenError):
        parse_token(sign(HEADER, payload))


def test_no_error_holds_anything_of_the_token() -> None:
    """Messages are fixed sentences: what the caller sent is never in them, nor behind them as a cause."""
    marks = ("hunter2", b64(b"hunter2"))
    texts = [
        "hunter2.hunter2.hunter2",
        "hunter2é",
        f"{segment({'alg': 'hunter2'})}.{segment({})}.AAAA",
        f"{segment({'alg': 'ES256', 'crit': ['hunter2']})}.{segment({})}.AAAA",
        f"{segment(HEADER)}.{segment('hunter2')}.AAAA",
        f"{segment(HEADER)}.{segment(json.dumps({'sub': 'hunter2'}) + 'x')}.AAAA",
        "hunter2" * 2000,
    ]
    for text in texts:
        with pytest.raises(TokenError) as caught:
            parse_token(text)
        assert not any(mark in str(caught.value) for mark in marks)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_read(algorithm: str) -> None:
    """The eleven names of RFC 7518, RFC 8037 and RFC 9864 that need a public key."""
    assert parse_token(mint(algorithm=algorithm)).algorithm == algorithm


def test_headers_are_remembered_within_a_bound() -> None:
    """The memo holds 64 headers: a flood of others costs time of its own, never memory."""
    for number in range(200):
        parse_token(mint(header={"n": number}))
    assert _parse_header.cache_info().currsize <= 64
    assert _parse_header.cache_info().maxsize == 64
