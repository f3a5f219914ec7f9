"""Runs one target under atheris: python fuzz/harness.py TARGET CORPUS [libFuzzer options]."""

import sys
from pathlib import Path

import atheris

sys.path[:0] = [
    str(Path(__file__).resolve().parent),
    str(Path(__file__).resolve().parents[1] / "layers" / "authorizer"),
]
with atheris.instrument_imports(include=["lambda_authorizer"]):
    import targets


def main() -> None:
    """Write the seeds into the corpus, then mutate until the time is over or something is found."""
    _, name, corpus, *options = sys.argv
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.seeds(name)):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *options, corpus], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
