"""Rules in words: what each condition asks, as check, explain, matrix and diff say it."""

import pytest

from lambda_authorizer.cli.words import condition, conditions, duration, joined, plural
from lambda_authorizer.rules import parse_rules

HEAD = '[[issuer]]\nname = "main"\nurl = "https://issuer.example"\naudience = ["api"]\n'
TIERS = '[tiers]\norder = ["low", "mid", "top"]\n'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('scopes = ["a"]', "scope a"),
        ('scopes = ["a", "b", "c"]', "scopes a, b and c"),
        ('any_scopes = ["a", "b"]', "scope a or b"),
        ('groups = ["a", "b"]', "group a or b"),
        ('all_groups = ["a", "b"]', "groups a and b"),
        ('roles = ["a"]', "role a"),
        ('all_roles = ["a"]', "role a"),
        ('tier = "mid"', "tier mid"),
        ('min_tier = "mid"', "tier mid or top"),
        ('issuer = "main"', "issuer main"),
        ('claims = { level = 3, "a.b" = ["x", "y"] }', 'level = 3 and "a.b" = x or y'),
        ("claims = { level = { min = 3 } }", "level at least 3"),
        ("claims = { level = { max = 3 } }", "level at most 3"),
        ("claims = { level = { min = 1, max = 3 } }", "level from 1 to 3"),
        ('present = ["a", ["b", "c"]]', "claim a and b.c"),
        ('absent = ["a", "b"]', "no claim a or b"),
        ('source_ip = ["192.0.2.0/24"]', "address in 192.0.2.0/24"),
        ("client_certificate = true", "client certificate"),
        ('client_certificate = { subject = "CN=a" }', "client certificate with subject CN=a"),
        ("authenticated = true", "any valid credential"),
        ("anonymous = true", "everybody"),
    ],
)
def test_each_condition_reads_as_a_person_would_say_it(line: str, words: str) -> None:
    """One short phrase a condition, in the words of the rules file."""
    text = f'schema = 1\n{HEAD}{TIERS}[[rule]]\nname = "r"\nallow = ["GET /a"]\n{line}\n'
    rules = parse_rules(text, file="r.toml", environment={})
    (rule,) = rules.rules
    assert conditions(rules, rule, rule.targets[0]) == words


def test_bound_variables_keep_the_names_of_the_file() -> None:
    """A `where` is said with the variable's own name."""
    rule = '[[rule]]\nname = "r"\nallow = ["GET /a/{key}/b"]\nwhere = { key = ["org", "id"] }\n'
    rules = parse_rules(f"schema = 1\n{HEAD}{rule}", file="r.toml", environment={})
    assert conditions(rules, rules.rules[0], rules.rules[0].targets[0]) == "key = org.id"


def test_a_kind_of_tomorrow_is_shown_rather_than_hidden() -> None:
    """A condition without words of its own still appears."""
    assert condition("moon", "full") == "moon full"


def test_lists_counts_and_durations() -> None:
    """Small words that every message uses."""
    assert [joined(words, "or") for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]
    assert [plural("rule", count) for count in (0, 1, 2)] == ["0 rules", "1 rule", "2 rules"]
    assert [duration(one) for one in (0, 300, 601, 14_400, 14_700)] == ["0 s", "300 s", "11 min", "4 h", "245 min"]
