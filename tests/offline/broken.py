"""An authorizer function that fails: not a refusal, an error."""


def lambda_handler(_event: object, _context: object) -> object:
    """Fail.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("broken on purpose")
