"""`python -m tests.mutations [PATH ...]`: takes out one safeguard after the other; fails unless tests notice each.

With --formulas, only what makes a number right: that takes a minute, the rest many.
"""

import re
import subprocess
import sys
from collections.abc import Sequence

from tests.mutations.mutants import FORMULAS, SAFEGUARDS
from tests.promises.chaos_file import add_figures

ROWS = "26-33"
"""Of the table of promises; the quick forms alone."""
ONLY_FORMULAS = "--formulas"


def red_tests(safeguard: str, paths: Sequence[str]) -> list[str]:
    """Return the tests below `paths`, or of all that can notice, that fail without `safeguard`."""
    command = [sys.executable, "-m", "pytest", "-q", "--mutate", safeguard]
    if safeguard in FORMULAS:
        command += paths or FORMULAS[safeguard]
    else:
        command += ["-n", "2", "--dist", "loadgroup", "--rows", ROWS, "-m", "promise and not long", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, flags=re.MULTILINE)
    if done.returncode not in (0, 1):
        sys.exit(f"the tests did not run:\n{done.stdout}\n{done.stderr}")
    return sorted(set(failed))


def main(paths: Sequence[str]) -> int:
    """Try each safeguard, say which tests noticed, and return the exit status."""
    unnoticed = []
    given = [path for path in paths if path != ONLY_FORMULAS]
    for safeguard in (*FORMULAS, *(SAFEGUARDS if len(given) == len(paths) else ())):
        failed = red_tests(safeguard, given)
        print(f"without {safeguard}: {len(failed)} tests fail", flush=True)
        for name in failed:
            print(f"  {name}")
        add_figures({f"mutation_{safeguard}_red_count": float(len(failed))})
        unnoticed += [] if failed else [safeguard]
    if unnoticed:
        print(f"no test notices that {', '.join(unnoticed)} is missing")
    return bool(unnoticed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
