"""mltest-agent selftest: runs the selftests that a user named and prints what they found."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from mltest.agent.selftest.aa import aa, ab, stop
from mltest.agent.selftest.agree import agree
from mltest.agent.selftest.bench import Bench, SelftestOptions
from mltest.agent.selftest.clean import clean
from mltest.agent.selftest.findings import Bar, Finding, table
from mltest.agent.selftest.local_rounds import LocalRounds, temporary_folder
from mltest.agent.selftest.models import make_models
from mltest.agent.selftest.native import native
from mltest.agent.selftest.openloop import openloop
from mltest.agent.selftest.overhead import overhead
from mltest.agent.selftest.regress import regress
from mltest.agent.selftest.rows import rows
from mltest.agent.selftest.storage import storage
from mltest.agent.selftest.verify import verify
from mltest.shared.errors import MltestError

Selftest = Callable[[Bench], Awaitable[list[Finding]]]

SELFTESTS: dict[str, Selftest] = {
    "overhead": overhead,
    "agree": agree,
    "native": native,
    "rows": rows,
    "clean": clean,
    "openloop": openloop,
    "storage": storage,
    "verify": verify,
    "aa": aa,
    "ab": ab,
    "stop": stop,
    "regress": regress,
}


def run_selftest(options: Namespace) -> int:
    """Run what was asked for, print it, and return the exit status."""
    names = tuple(SELFTESTS) if "all" in options.names else tuple(dict.fromkeys(options.names))
    chosen = SelftestOptions(
        is_quick=options.quick,
        limit_s=options.minutes * 60,
        seed=options.seed,
        comparison_count=options.comparisons,
        candidate_count=options.candidates,
        slow_percents=options.slow,
        output=options.output,
        replay=options.replay,
    )
    found = asyncio.run(run_all(names, chosen, shows=None if options.json else _show))
    if options.json:
        sys.stdout.write(json.dumps({name: [_as_data(one) for one in some] for name, some in found.items()}, indent=2))
        sys.stdout.write("\n")
    return int(any(not one.is_met and not one.is_too_few for some in found.values() for one in some))


async def run_all(
    names: Sequence[str], options: SelftestOptions, *, shows: Callable[[str, list[Finding]], None] | None
) -> dict[str, list[Finding]]:
    """Run selftests one after the other on models that are made once; `shows` gets each one's findings at once."""
    with temporary_folder() as name:
        folder = Path(name)
        models = await make_models(folder, seed=options.seed)
        bench = Bench(folder=folder, models=models, rounds=LocalRounds(folder), options=options)
        for runtime, reason in models.left_out.items():
            bench.say(f"left out: {runtime} ({reason})")
        found = {}
        for selftest in names:
            bench.say(selftest)
            found[selftest] = await _findings(selftest, bench)
            if shows:
                shows(selftest, found[selftest])
        return found


async def _findings(name: str, bench: Bench) -> list[Finding]:
    """Return what a selftest finds; where it cannot be run, the others still are."""
    try:
        return await SELFTESTS[name](bench)
    except MltestError as error:
        return [Finding(name=name, value=None, meaning=error.message, bar=Bar())]


def _show(name: str, findings: list[Finding]) -> None:
    sys.stdout.write(table(name, findings) + "\n")
    sys.stdout.flush()


def _as_data(finding: Finding) -> dict[str, object]:
    data = asdict(finding) | {"verdict": finding.verdict, "bar": finding.bar.text if finding.bar else None}
    del data["may_contain_zero"]
    return data
