"""`python -m tests.e2e.run`, which `make run` calls."""

import sys

from tests.e2e.demo import main

if __name__ == "__main__":
    sys.exit(main())
