"""`mltest-coordinator plan`: a plan file to start from, or what a job of a model would do."""

import argparse
from pathlib import Path

from mltest.coordinator.commands.plan_arguments import add_plan_arguments
from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async

_DESCRIPTION = """\
Without a model: prints a plan with every default and what it means, to edit and pass to submit --plan.
With a model and data: prints what submit with the same arguments would do - every candidate, what is pruned and left
out and why, and an estimate of the time - without making or measuring anything.

  mltest-coordinator plan > plan.toml
  mltest-coordinator plan forest.skops --data digits.npz --max-candidates 20
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, nargs="?", help="file of the trained model")
    parser.add_argument("--data", action="append", nargs="+", default=[], metavar="FILE", type=Path, help="its data")
    parser.add_argument("--target", default="", metavar="COLUMN", help="column with the true values (.csv, .parquet)")
    add_plan_arguments(parser)
    parser.add_argument("--allow-pickle", action="store_true", help="open a pickled model: only if you trust it fully")


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.submission import checked_data, checked_model, plan_text
    from mltest.coordinator.planning.plan_file import parse_plan
    from mltest.coordinator.planning.plan_text import default_plan_toml

    text = plan_text(arguments)
    if arguments.model is not None:
        model = checked_model(arguments.model, allows_pickle=arguments.allow_pickle)
        return run_async(_preview(arguments, model, checked_data([path for group in arguments.data for path in group])))
    if arguments.json:
        print_json(parse_plan(text))
    else:
        print(text or default_plan_toml(), end="" if not text or text.endswith("\n") else "\n")
    return 0


async def _preview(arguments: argparse.Namespace, model: Path, data: list[Path]) -> int:
    from mltest.coordinator.commands.submission import plan_text
    from mltest.shared.domain import JobSpec

    async with coordinator(arguments, needs_to_run=True) as api:
        found = await api.preview(
            JobSpec(
                model=await api.put_file(model),
                data=tuple([await api.put_file(path) for path in data]),
                target=arguments.target,
                plan_toml=plan_text(arguments),
                allows_pickle=arguments.allow_pickle,
            )
        )
    if arguments.json:
        print_json(found)
    else:
        print("\n".join((found.text, *(f"Note: {note}" for note in found.notes))))
    return 0


VERB = Verb(
    name="plan",
    help="print a plan to edit, or what a job of MODEL would do: candidates, what is pruned and why, time",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
