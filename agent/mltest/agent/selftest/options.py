"""The arguments of mltest-agent selftest; parsing them imports nothing that only running needs."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

NAMES = (
    *("overhead", "agree", "native", "rows", "clean", "openloop", "storage", "verify"),
    *("aa", "ab", "stop", "regress"),
)
"""Of the selftests, in the order in which `all` runs them."""

DESCRIPTION = """\
Check this machine as a ruler, and this software: real visits of models whose truth is known. Each figure stands beside
the bar that it has to reach. A full campaign (aa, ab, stop) takes about 40 minutes; --quick shows in a few what to
expect. Exit status: 0 if every bar is met, 1 if one is missed or could not be measured."""


def add_selftest(parser: ArgumentParser) -> None:
    """Add the arguments of the verb to its parser."""
    add = parser.add_argument
    add("names", nargs="+", choices=("all", *NAMES), metavar="NAME", help=f"one of {', '.join(NAMES)}, or all")
    add("--quick", action="store_true", help="a short form: the same, with fewer rounds")
    add("--minutes", type=_positive, default=0.0, metavar="N", help="begin nothing more after that time")
    add("--seed", type=int, default=0, metavar="N", help="of every random choice (default: %(default)s)")
    add("--comparisons", type=_count, default=102, metavar="N", help="of identical candidates (default: %(default)s)")
    add("--candidates", type=_count, default=6, metavar="N", help="identical ones in a block (default: %(default)s)")
    add("--slow", type=_percents, default=(5, 10), metavar="P,...", help="slow-downs in percent (default: 5,10)")
    add("--output", type=Path, metavar="FILE", help="keep every round of a campaign there, as lines of JSON")
    add("--replay", type=Path, metavar="FILE", help="compute the figures of a campaign from such a file")
    add("--json", action="store_true", help="the same as data")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    from mltest.agent.selftest.command import run_selftest

    return run_selftest(options)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10_000:
        raise ArgumentTypeError(f"{text!r} is not a number of minutes")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 10_000:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000")
    return int(text)


def _percents(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(",") if part)
