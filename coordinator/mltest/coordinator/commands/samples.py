"""`mltest-coordinator samples`: the raw values of a job, as JSON lines or CSV."""

import argparse
import csv
import sys
from typing import TYPE_CHECKING

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json, run_async

if TYPE_CHECKING:
    from mltest.coordinator.api import StoredEnergy, StoredSeries

_COLUMNS = ("agent_id", "candidate_id", "metric", "batch_size", "round_index", "slice_index", "value_index", "value")
_ENERGY_COLUMNS = (
    *("agent_id", "candidate_id", "batch_size", "round_index", "try_index"),
    *("domain_id", "reading_index", "begin_ns", "took_ns", "value"),
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("--csv", action="store_true", help="one line for each value instead of one for each series")
    parser.add_argument(
        "--energy",
        action="store_true",
        help="readings of meters instead, with their windows (joules or watts, as read)",
    )


def _run(arguments: argparse.Namespace) -> int:
    return run_async(_samples(arguments))


async def _samples(arguments: argparse.Namespace) -> int:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    is_csv = arguments.csv and not arguments.json
    if is_csv:
        writer.writerow(_ENERGY_COLUMNS if arguments.energy else _COLUMNS)
    async with coordinator(arguments) as api:
        if arguments.energy:
            async for recorded in api.energy(arguments.job):
                if is_csv:
                    writer.writerows(_energy_rows(recorded))
                else:
                    print_json(recorded)
            return 0
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


def _energy_rows(stored: "StoredEnergy") -> list[tuple[object, ...]]:
    recorded = stored.recorded
    head = (stored.agent_id, recorded.candidate_id, recorded.batch_size, stored.round_index, recorded.try_index)
    times = tuple(zip(recorded.begin_ns, recorded.took_ns, strict=True))
    return [
        (*head, domain.domain_id, place, *times[place], value)
        for domain in recorded.domains
        for place, value in enumerate(domain.values)
        if place not in domain.absent_places
    ]


VERB = Verb(
    name="samples",
    help="print the raw values of a job: one series a line as JSON, or --csv; --energy: readings of meters",
    add_arguments=_add_arguments,
    run=_run,
)
