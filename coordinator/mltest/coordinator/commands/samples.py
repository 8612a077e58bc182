"""`mltest-coordinator samples`: the raw values of a job, as JSON lines or CSV."""

import argparse
import csv
import sys
from typing import TYPE_CHECKING

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async

if TYPE_CHECKING:
    from mltest.coordinator.api import StoredSeries

_COLUMNS = ("agent_id", "candidate_id", "metric", "batch_size", "round_index", "slice_index", "value_index", "value")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("--csv", action="store_true", help="one line for each value instead of one for each series")


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_samples(arguments))


async def _samples(arguments: argparse.Namespace) -> int:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    is_csv = arguments.csv and not arguments.json
    if is_csv:
        writer.writerow(_COLUMNS)
    async with coordinator(arguments) as api:
        async for stored in api.samples(arguments.job):
            if is_csv:
                writer.writerows(_rows(stored))
            else:
                print_json(stored)
    return 0


def _rows(stored: "StoredSeries") -> list[tuple[object, ...]]:
    series = stored.series
    head = (stored.agent_id, series.candidate_id, series.metric, series.batch_size)
    return [(*head, stored.round_index, series.slice_index, index, value) for index, value in enumerate(series.values)]


VERB = Verb(
    name="samples",
    help="print the raw values of a job: one series a line as JSON, or --csv",
    add_arguments=_add_arguments,
    run=_run,
)
