"""Rules outside the package: the last good version wins."""

from typing import TYPE_CHECKING

import pytest
from tests.rules.parts import HEAD

from lambda_authorizer.errors import ConfigurationError
from lambda_authorizer.fetch.rules_source import RulesSource
from lambda_authorizer.rules import RuleSet, parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0

    def monotonic_ms(self) -> int:
        """Return the time."""
        return self.now

    def wall_ms(self) -> int:
        """Return the time."""
        return self.now


def version(name: str) -> bytes:
    """Return a rules file with one rule of this name."""
    return (HEAD + f'[[rule]]\nname = "{name}"\nallow = ["GET /a"]\nscopes = ["s"]\n').encode()


def parse(text: bytes) -> RuleSet:
    """Return the rules."""
    return parse_rules(text.decode(), file="ssm:/rules", environment={})


class Place:
    """A place that gives one answer after the other; None is a failure."""

    def __init__(self, *answers: bytes | None) -> None:
        self.asked = 0
        self._answers: Iterator[bytes | None] = iter(answers)

    def __call__(self) -> bytes:
        """Return the next answer."""
        self.asked += 1
        answer = next(self._answers)
        if answer is None:
            raise ConfigurationError("environment", "AUTHORIZER_RULES", "nothing", "rules")
        return answer


def source(place: Place, clock: Hands, told: list[str]) -> RulesSource:
    """Return a source that looks every 1,000 ms."""
    return RulesSource(
        place,
        parse,
        clock=clock,
        refresh_ms=1000,
        report=lambda state, _, wrong: told.append(f"{state} {wrong and wrong.key}"),
    )


def test_a_new_version_is_taken_after_the_interval() -> None:
    """Within the interval nobody is asked."""
    place, clock, told = Place(version("one"), version("two")), Hands(), list[str]()
    rules = source(place, clock, told)
    clock.now = 999
    assert rules.current().rules[0].name == "one"
    assert place.asked == 1
    clock.now = 1000
    assert rules.current().rules[0].name == "two"
    assert told == ["loaded None", "changed None"]


def test_the_same_bytes_are_the_same_rules() -> None:
    """Nothing is parsed again, so caches that belong to the rules stay."""
    place, clock, told = Place(version("one"), version("one")), Hands(), list[str]()
    rules = source(place, clock, told)
    first = rules.current()
    clock.now = 1000
    assert rules.current() is first
    assert told == ["loaded None"]


@pytest.mark.parametrize("bad", [None, b"schema = 2\n"])
def test_a_bad_version_keeps_the_last_good_one_and_says_so(bad: bytes | None) -> None:
    """A place that fails, or holds a mistake, changes nothing until it is good again."""
    place, clock, told = Place(version("one"), bad, version("two")), Hands(), list[str]()
    rules = source(place, clock, told)
    clock.now = 1000
    assert rules.current().rules[0].name == "one"
    assert rules.current().rules[0].name == "one"
    assert place.asked == 2
    assert told[1].startswith("kept_last_good ")
    clock.now = 2000
    assert rules.current().rules[0].name == "two"


@pytest.mark.parametrize("bad", [None, b"schema = 2\n"])
def test_without_a_good_version_there_is_no_start(bad: bytes | None) -> None:
    """The first version must be there and good."""
    with pytest.raises(ConfigurationError):
        source(Place(bad), Hands(), [])


def test_nobody_needs_to_be_told() -> None:
    """A report is optional."""
    assert RulesSource(Place(version("one")), parse, clock=Hands()).current().rules[0].name == "one"
