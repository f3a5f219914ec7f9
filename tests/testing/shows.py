"""Ties a test to the row of the behaviour table that it shows."""

from collections.abc import Callable
from typing import Any

SHOWN: set[str] = set()
"""Ids of the rows that some test shows."""


def shows(*ids: str) -> Callable[[Any], Any]:
    """Say which rows of the behaviour table a test shows."""
    SHOWN.update(ids)
    return lambda test: test
