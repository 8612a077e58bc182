"""`mltest-coordinator submit`: the main job, from a model and data to a table to decide from."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.coordinator.commands.agent_arguments import add_agent_arguments
from mltest.coordinator.commands.plan_arguments import add_plan_arguments
from mltest.coordinator.commands.verb import Verb, coordinator, print_json, run_async

if TYPE_CHECKING:
    from mltest.coordinator.api import CoordinatorApi
    from mltest.shared.domain import JobSpec

_DESCRIPTION = """\
Finds out which form of a trained model, on which machine, is best: makes the candidates, measures them on every
agent, and prints one table, best first, with the native model as baseline.

  mltest-coordinator submit forest.skops --data digits.npz
  mltest-coordinator submit boost.onnx --data house.csv --target price --limit 'r2>=0.8' --order-by throughput

Model: skops, XGBoost, LightGBM, CatBoost, PyTorch (an exported program), ONNX, or a pickle (also by joblib) with
--allow-pickle; which it is, its content says.
Data: one .npz with X and y, one .csv or .parquet with --target, or two .npy (X, then y);
of a language model a .txt with one sequence of tokens (whole numbers) a line, or an .npy or .npz of them.
Agents: those found by mDNS and named with --agent; if none answers and none was named, this machine measures.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, help="file of the trained model")
    parser.add_argument(
        "--data", required=True, action="append", nargs="+", metavar="FILE", type=Path, help="validation data"
    )
    parser.add_argument("--target", default="", metavar="COLUMN", help="column with the true values (.csv, .parquet)")
    parser.add_argument(
        "--group",
        default="",
        metavar="COLUMN",
        help="column with the group of each row, for fairness; of an .npz the name of an array, or a column's number",
    )
    parser.add_argument(
        "--training",
        default=[],
        action="append",
        nargs="+",
        metavar="FILE",
        type=Path,
        help="what the model was trained with, for tests that need it",
    )
    add_agent_arguments(parser)
    parser.add_argument("--local", action="store_true", help="measure on this machine only; no agent is needed")
    add_plan_arguments(parser)
    parser.add_argument(
        "--against",
        default="",
        metavar="JOB",
        help="measure the candidates of an earlier job in the same slices: old against new, then 'compare JOB NEW'",
    )
    parser.add_argument("--allow-pickle", action="store_true", help="open a pickled model: only if you trust it fully")
    parser.add_argument("--detach", action="store_true", help="return at once, with the identity of the job")


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.commands.submission import checked_data, checked_model, plan_text

    model = checked_model(arguments.model, allows_pickle=arguments.allow_pickle)
    data = checked_data([path for group in arguments.data for path in group])
    checked_data(_training(arguments))
    return run_async(_submit(arguments, model, data, plan_text(arguments)))


async def _submit(arguments: argparse.Namespace, model: Path, data: list[Path], plan_toml: str) -> int:
    from mltest.coordinator.commands.follow import follow

    if arguments.detach:
        from mltest.coordinator.commands.background import ensure_served

        await ensure_served(arguments.state_dir)
    async with coordinator(arguments, needs_to_run=True) as api:
        job_id = await api.submit(await _spec(api, arguments, model, data, plan_toml))
        if not arguments.detach:
            return await follow(api, job_id, arguments)
    if arguments.json:
        print_json({"job_id": job_id})
    else:
        print(job_id)
    return 0


async def _spec(
    api: "CoordinatorApi", arguments: argparse.Namespace, model: Path, data: list[Path], plan_toml: str
) -> "JobSpec":
    from mltest.shared.domain import JobSpec

    return JobSpec(
        model=await api.put_file(model),
        data=tuple([await api.put_file(path) for path in data]),
        target=arguments.target,
        group=arguments.group,
        training=tuple([await api.put_file(path) for path in _training(arguments)]),
        plan_toml=plan_toml,
        allows_pickle=arguments.allow_pickle,
        against_job_id=arguments.against,
        agent_addresses=() if arguments.local else tuple(arguments.agent),
        uses_discovery=not (arguments.no_discovery or arguments.local),
        uses_local_agent=arguments.local or not arguments.agent,
    )


def _training(arguments: argparse.Namespace) -> list[Path]:
    return [path for group in arguments.training for path in group]


VERB = Verb(
    name="submit",
    help="measure a model: make candidates, run them on every agent, print the table",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
