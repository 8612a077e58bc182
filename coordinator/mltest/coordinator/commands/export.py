"""`mltest-coordinator export`: a candidate as a folder that runs elsewhere, with its evidence."""

import argparse
import asyncio
from pathlib import Path

from mltest.coordinator.commands.verb import Verb, coordinator, job_argument, print_json

_DESCRIPTION = """\
Writes a candidate into a folder: its artifact, predict.py that runs it as it was measured, requirements.txt with the
versions, and evidence.json with its rows of the table and every figure.

  mltest-coordinator export 3f2a 'onnxruntime' --out best
  python best/predict.py digits.npz
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    job_argument(parser)
    parser.add_argument("candidate", metavar="CANDIDATE", help="its label, or its identity or the beginning of it")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder that does not exist, or is empty"
    )


def _run(arguments: argparse.Namespace) -> int:
    from mltest.coordinator.export.folder import ARTIFACT

    folder = _empty(arguments.out)
    label, files = asyncio.run(_fetched(arguments, folder / ARTIFACT))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    names = sorted((ARTIFACT, *files))
    if arguments.json:
        print_json({"folder": str(folder), "files": names})
    else:
        print(f"{label} is in {folder}: {', '.join(names)}")
    return 0


async def _fetched(arguments: argparse.Namespace, artifact: Path) -> tuple[str, dict[str, str]]:
    """Write the artifact, and return the candidate's label and the other files."""
    from mltest.coordinator.analysis.named import named_candidate
    from mltest.coordinator.export.folder import exported_files

    async with coordinator(arguments) as api:
        results = await api.results(arguments.job)
        candidate = named_candidate(results.candidates, arguments.candidate)
        files = exported_files(results, candidate)
        await asyncio.to_thread(artifact.parent.mkdir, parents=True, exist_ok=True)
        await api.get_file(candidate.artifact_sha256, artifact)
    return candidate.label, files


def _empty(folder: Path) -> Path:
    """Return `folder` if nothing would be overwritten in it (RequestInvalidError otherwise)."""
    from mltest.shared.errors import RequestInvalidError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestInvalidError(detail=f"{folder} is not an empty folder", next_step="name another with --out")
    return folder


VERB = Verb(
    name="export",
    help="write a candidate into a folder: artifact, a script that runs it, versions, evidence",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=_run,
)
