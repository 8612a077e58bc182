"""`mltest-coordinator plan`: a plan file to start from."""

import argparse

from mltest.coordinator.commands.verb import Verb, no_arguments, print_json


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.planning.plan import Plan
    from mltest.coordinator.planning.plan_text import default_plan_toml

    if arguments.json:
        print_json(Plan())
    else:
        print(default_plan_toml(), end="")
    return 0


VERB = Verb(
    name="plan",
    help="print a plan with every default and what it means, to edit and pass to submit --plan",
    add_arguments=no_arguments,
    run=_run,
)
