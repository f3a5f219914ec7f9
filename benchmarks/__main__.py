"""`make bench`: every goal with what was measured, each line ending in "met" or "missed"."""

import argparse
import contextlib
import os
import sys
import time

from benchmarks import report
from benchmarks.goals import Bench


def main() -> int:
    """Run, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="most rounds of starts (default 60)")
    parser.add_argument("--blocks", type=int, default=25, help="rounds of warm blocks (default 25)")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plot")
    given = parser.parse_args()
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {text}\n")

    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # children inherit it; root alone may
    bench = Bench(say, rounds=given.rounds, blocks=given.blocks)
    say("starts, in rounds")
    bench.measure_starts()
    say("warm work, in blocks")
    bench.measure_warm()
    bench.judge()
    sys.stdout.write(f"{report.machine()}\n{report.versions(bench)}\n\n")
    sys.stdout.write("\n".join(map(str, bench.lines)) + "\n")
    if given.write:
        report.write(bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
