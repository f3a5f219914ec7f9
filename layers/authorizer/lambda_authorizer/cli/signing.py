"""A signing key that outlives the process: only `token --key` makes one."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lambda_authorizer.jwk import thumbprint
from lambda_authorizer.testing.issuer import SigningKey

_SIZES = {"ES256": 256, "ES384": 384, "ES512": 521}
_LEAST_RSA_BITS = 2048


class StoredKey(SigningKey):
    """A key read from a file; its `kid` is its thumbprint (RFC 7638), the same on every run."""

    __slots__ = ()

    def __init__(self, private: Any, algorithm: str) -> None:
        """Take a private key.

        Raises:
            ValueError: it cannot sign that algorithm.
        """
        if algorithm in _SIZES:
            fits = isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.key_size == _SIZES[algorithm]
        elif algorithm.startswith("Ed"):
            fits = isinstance(private, ed25519.Ed25519PrivateKey)
        else:
            fits = isinstance(private, rsa.RSAPrivateKey) and private.key_size >= _LEAST_RSA_BITS
        if not fits:
            raise ValueError("the key does not sign this algorithm")
        super().__init__("ES256", "new")
        from jwt.algorithms import get_default_algorithms

        self.algorithm = algorithm
        self._private = private
        self._signer = get_default_algorithms()["EdDSA" if algorithm == "Ed25519" else algorithm]
        self.kid = thumbprint(self.jwk)
