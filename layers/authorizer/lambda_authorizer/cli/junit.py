"""JUnit XML, the form in which every CI shows test results.

Source: the schema that Jenkins, GitLab and GitHub actions read (testsuites/testsuite/testcase/failure).
"""

from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import quoteattr  # only writes; nothing is parsed


class Result(NamedTuple):
    """One case as a CI shows it."""

    name: str
    seconds: float
    failure: str  # empty: it passed


def report(suite: str, results: Iterable[Result]) -> str:
    """Return the report of one suite."""
    listed = list(results)
    failed = sum(1 for result in listed if result.failure)
    total = sum(result.seconds for result in listed)
    counts = f'tests="{len(listed)}" failures="{failed}" errors="0" skipped="0" time="{total:.3f}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f"  <testsuite name={_attribute(suite)} {counts}>")
    for result in listed:
        names = f"classname={_attribute(suite)} name={_attribute(result.name)}"
        head = f'    <testcase {names} time="{result.seconds:.3f}"'
        if result.failure:
            first = result.failure.partition("\n")[0]
            lines += [f"{head}>", f"      <failure message={_attribute(first)}>{_text(result.failure)}</failure>"]
            lines.append("    </testcase>")
        else:
            lines.append(f"{head}/>")
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _clean(text: str) -> str:
    """XML 1.0 has no way to write control characters."""
    return "".join(one if one in "\t\n" or one >= " " else "�" for one in text)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _text(text: str) -> str:
    return _clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
