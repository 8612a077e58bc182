"""What stands in the folder of an exported candidate, beside its artifact."""

import json
from collections.abc import Iterator

from mltest.coordinator.export.predict_script import SCRIPT
from mltest.coordinator.job.scheduler import visit_candidate
from mltest.shared.domain import AgentInfo, Candidate, JobResults
from mltest.shared.errors import RequestInvalidError
from mltest.shared.jsonable import to_jsonable
from mltest.shared.protocol import DISTRIBUTION, software_version

ARTIFACT = "artifact"
"""Name of the artifact's file, whatever its format."""


def exported_files(results: JobResults, candidate: Candidate) -> dict[str, str]:
    """Return the text of every file by its name.

    Raises:
        RequestInvalidError: the candidate has no artifact.

    """
    if not candidate.is_possible or results.job.model is None:
        raise RequestInvalidError(detail=f"{candidate.label} could not be made: {candidate.reason}")
    return {
        "candidate.json": _json(visit_candidate(candidate, results.job.model)),
        "evidence.json": _json(evidence(results, candidate)),
        "predict.py": SCRIPT,
        "requirements.txt": "".join(f"{line}\n" for line in requirements(results, candidate)),
    }


def evidence(results: JobResults, candidate: Candidate) -> dict[str, object]:
    """Return what was found out about a candidate: its rows of the table, every figure, and the machines."""
    job = results.job
    return {
        "job_id": job.job_id,
        "model_sha256": job.spec.model.sha256,
        "model": job.model,
        "dataset": job.dataset,
        "candidate": candidate,
        "ordered_by": results.standings.ordered_by,
        "standings": [row for row in results.standings.rows if row.candidate_id == candidate.candidate_id],
        "results": [found for found in results.results if found.candidate_id == candidate.candidate_id],
        "agents": list(results.agents),
        "machines": list(results.standings.machines),
    }


def requirements(results: JobResults, candidate: Candidate) -> Iterator[str]:
    """Yield the packages, with the versions of the first agent that measured it."""
    measured = {row.agent_id for row in results.standings.rows if row.candidate_id == candidate.candidate_id}
    agents = [agent for agent in results.agents if agent.agent_id in measured] or list(results.agents)
    yield f"{DISTRIBUTION}=={software_version()}"
    if not agents:
        return
    yield f"# measured on {agents[0].name}: {agents[0].host.architecture}, {agents[0].host.os}"
    yield from (f"{name}=={version}" for name, version in sorted(_versions(agents[0], candidate).items()))


def _versions(agent: AgentInfo, candidate: Candidate) -> dict[str, str]:
    found = [runtime for runtime in agent.runtimes if runtime.name == candidate.runtime]
    return dict(found[0].package_versions) if found else {}


def _json(value: object) -> str:
    return json.dumps(to_jsonable(value), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
