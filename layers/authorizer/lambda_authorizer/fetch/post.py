"""One POST of a form through a pooled `requests` session, inside one time budget.

Laws of this file: https only (http to a loopback host where the operator allowed it), no redirect, no proxy, no
`.netrc`, no cookie kept; at most 64 KiB of JSON are read; a refusal is a `FetchError` whose slug holds no text of
either side. `requests` (76 ms of import) is loaded by the first request.
"""

import os
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lambda_authorizer.fetch import FetchError
from lambda_authorizer.fetch.url import is_loopback, split_url
from lambda_authorizer.version import __version__

if TYPE_CHECKING:
    import requests

MAX_ANSWER: Final = 64 * 1024
_MAX_LEFT_BEHIND: Final = 8
_POOL: Final = 16
_OK: Final = 200


class FormPoster:
    """Posts forms; keeps connections of this process, and only of this process."""

    __slots__ = ("_left_behind", "_pid", "_session", "_verify")

    def __init__(self, *, ca_directory: str | None = None) -> None:
        self._verify: str | bool = ca_directory or os.environ.get("SSL_CERT_FILE") or True
        self._session: requests.Session | None = None
        self._pid = 0
        self._left_behind: list[threading.Thread] = []

    def __call__(
        self,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        deadline: int,
        *,
        http_loopback: bool = False,
    ) -> bytes:
        """Return the JSON text of a 200 answer.

        Args:
            url: https address.
            form: fields of the body.
            headers: on top of the usual ones.
            deadline: monotonic milliseconds at which everything has ended.
            http_loopback: http to a loopback host is accepted.

        Raises:
            FetchError: it could not be had in time.
        """
        parts = split_url(url, http_loopback=http_loopback)
        if parts.scheme == "http" and parts.host != "localhost" and not is_loopback(parts.host):
            raise FetchError("scheme_refused")
        left = (deadline - time.monotonic_ns() // 1_000_000) / 1_000
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        if left <= 0 or len(self._left_behind) >= _MAX_LEFT_BEHIND:
            raise FetchError("timeout")
        session = self._pool()
        answers: list[bytes] = []
        slugs: list[str] = []

        def exchange() -> None:
            try:
                answers.append(_exchange(session, url, form, headers, left, self._verify))
            except FetchError as error:
                slugs.append(error.slug)

        # The limits of `requests` hold for one read each, so that a drip of headers would never end. The thread is
        # left behind with its connection; a few such are all that can be.
        thread = threading.Thread(target=exchange, daemon=True)
        thread.start()
        thread.join(left)
        if thread.is_alive():
            self._left_behind.append(thread)
            self._session = None
            raise FetchError("timeout")
        if not answers:
            raise FetchError(slugs[0] if slugs else "connection_failed")
        return answers[0]

    def close(self) -> None:
        """Drop the connections: they do not survive a snapshot."""
        self._session = None

    def _pool(self) -> "requests.Session":
        """Return the session, a new one in a new process: two processes on one connection would mix answers."""
        pid = os.getpid()
        session = self._session
        if session is None or self._pid != pid:
            import requests
            from requests.adapters import HTTPAdapter

            session = requests.Session()
            session.trust_env = False
            session.headers.clear()
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=_POOL, max_retries=0))
            self._session = session
            self._pid = pid
        return session


def _exchange(  # noqa: PLR0913, PLR0917 - the parts of one request
    session: "requests.Session",
    url: str,
    form: Mapping[str, str],
    headers: Mapping[str, str],
    left: float,
    verify: str | bool,  # noqa: FBT001 - as `requests` has it
) -> bytes:
    import requests

    usual = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"lambda-authorizer-toolkit/{__version__}",
    }
    try:
        with session.post(
            url,
            data=dict(form),
            headers={**usual, **headers},
            timeout=left,
            verify=verify,
            allow_redirects=False,
            stream=True,
        ) as answer:
            _check(answer)
            body = answer.raw.read(MAX_ANSWER + 1, decode_content=False)
            length = answer.headers.get("Content-Length")
    except requests.exceptions.Timeout:
        raise FetchError("timeout") from None
    except requests.exceptions.SSLError:
        raise FetchError("tls_failed") from None
    except FetchError:
        raise
    except Exception:  # noqa: BLE001 - urllib3 and http.client have errors of their own; none of their texts is ours
        raise FetchError("connection_failed") from None
    session.cookies.clear()
    if len(body) > MAX_ANSWER:
        raise FetchError("body_too_large")
    if length is not None and length != str(len(body)):
        raise FetchError("truncated")
    return bytes(body)


def _check(answer: "requests.Response") -> None:
    """Refuse everything but an answer of 200 in plain JSON."""
    if 300 <= answer.status_code < 400:  # noqa: PLR2004 - RFC 9110 section 15.4
        raise FetchError("redirect_refused")
    if answer.status_code != _OK:
        raise FetchError(f"http_{answer.status_code}")
    media = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise FetchError("wrong_content_type")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchError("encoding_refused")
