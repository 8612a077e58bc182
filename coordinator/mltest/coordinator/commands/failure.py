"""How a failure is told: what is wrong, and what mends it."""

import json
import sys

from mltest.shared.errors import MltestError
from mltest.shared.status import next_step_of


def print_failure(error: MltestError, *, is_json: bool = False) -> None:
    """Print `error` on standard error, with what mends it where that is known; and as data where data is expected."""
    if is_json:
        facts = {"code": error.code, "message": error.message, "next_step": next_step_of(error)}
        print(json.dumps({"error": facts}, ensure_ascii=False), flush=True)
    print(f"error: {_one_line(error.message)}", file=sys.stderr)
    if next_step := next_step_of(error):
        print(f"  next: {_one_line(next_step)}", file=sys.stderr)


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
