"""The arguments that say what is measured and how, the same for every verb that has a plan."""

import argparse
from pathlib import Path

from mltest.coordinator.commands.choice_arguments import add_choice_arguments, positive
from mltest.coordinator.commands.durations import duration
from mltest.coordinator.planning.plan_keys import SANDBOX_LEVELS
from mltest.coordinator.planning.profiles import PROFILES
from mltest.coordinator.planning.screening import SCREEN_ABOVE, SCREEN_CHOICES, SCREEN_ROUNDS


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a plan file, and what changes single keys of it."""
    parser.add_argument("--plan", type=Path, metavar="FILE", help="TOML file with tests, limits, and more: see 'plan'")
    parser.add_argument(
        "--profile",
        choices=tuple(PROFILES),
        help="rounds go on until ratios are known to 5, 2.5 or 1 %% (default: standard)",
    )
    parser.add_argument(
        "--budget", type=duration, metavar="TIME", help="begin no further round behind this time on an agent: 90s, 30m"
    )
    parser.add_argument(
        "--rounds", type=positive, metavar="N", help="exactly so many fresh processes for each candidate"
    )
    parser.add_argument(
        "--screen",
        choices=SCREEN_CHOICES,
        help=f"{SCREEN_ROUNDS} short rounds first, behind which only candidates go on that may be among the best "
        f"(default: auto, with more than {SCREEN_ABOVE} candidates)",
    )
    add_choice_arguments(parser)
    parser.add_argument(
        "--tests",
        type=test_names,
        default=(),
        metavar="NAMES",
        help="make these tests: all, default, or names separated by commas, like 'default,permutation importance'; "
        "'show JOB --tests' lists them all (default: those that apply and do not take long)",
    )
    parser.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="SCENARIO",
        help="measure besides, in MLPerf's terms: single-stream (SingleStream), offline (Offline: everything in one "
        "call), open-loop:80,200 (Server: requests at these rates per second); repeatable",
    )
    parser.add_argument(
        "--order-by", metavar="FIGURE", help="latency, throughput, memory, size, accuracy, latency.p99@32, ..."
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="LIMIT",
        help="rank only what keeps it: 'accuracy>=0.95', 'latency<=2ms', 'memory<=200MB'; repeatable",
    )
    parser.add_argument(
        "--min-agreement",
        type=float,
        metavar="SHARE",
        help="rank a candidate although labels differ from the native model's, if this share is equal (default: 1)",
    )
    parser.add_argument(
        "--max-difference",
        type=float,
        metavar="NUMBER",
        help="rank it although probabilities or values differ by as much (default: what arithmetic explains)",
    )
    parser.add_argument(
        "--lossy-max-differing",
        type=float,
        metavar="SHARE",
        help="rank a quantised or pruned candidate if at most this share of labels differs (default: 0.05)",
    )
    parser.add_argument(
        "--lossy-max-loss",
        type=float,
        metavar="NUMBER",
        help="rank it if it loses at most so much accuracy or R2 (default: 0.01)",
    )
    parser.add_argument(
        "--min-sandbox",
        choices=SANDBOX_LEVELS,
        help="use only agents that hold the models which they open at least so well (default: none)",
    )


def test_names(text: str) -> tuple[str, ...]:
    """Return the names in `text`, which commas separate."""
    return tuple(name for part in text.split(",") if (name := part.strip()))
