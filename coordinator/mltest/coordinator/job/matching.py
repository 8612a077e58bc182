"""Who can run what: pure functions from what agents say of themselves, candidates, and the plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import AgentInfo, Candidate, SandboxInfo, SandboxLevel
from mltest.shared.errors import ModelRefusedError, RuntimeMissingError
from mltest.shared.sandbox.level import is_at_least

PICKLE_FORMAT = "pickle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Why a candidate cannot run on an agent."""

    candidate_id: str
    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What one agent can do for a job."""

    candidates: tuple[Candidate, ...]
    """That can run there."""
    mismatches: tuple[Mismatch, ...]
    """Why the others cannot."""
    exclusion: str
    """Why it does not take part; empty if it does."""


def match(agent: AgentInfo, candidates: Sequence[Candidate], plan: Plan) -> Match:
    """Return what `agent` can do with `candidates`, whose artifacts exist."""
    if exclusion := agent_exclusion(agent, plan):
        return Match(candidates=(), mismatches=(), exclusion=exclusion)
    found = {candidate.candidate_id: mismatch(candidate, agent) for candidate in candidates}
    mismatches = tuple(one for one in found.values() if one is not None)
    fitting = tuple(candidate for candidate in candidates if found[candidate.candidate_id] is None)
    if all(candidate.is_reference for candidate in fitting):
        reasons = dict.fromkeys(one.reason for one in mismatches)
        return Match(candidates=(), mismatches=mismatches, exclusion="; ".join(reasons))
    return Match(candidates=fitting, mismatches=mismatches, exclusion="")


def agent_exclusion(agent: AgentInfo, plan: Plan) -> str:
    """Return why `plan` does not choose `agent`; empty if it does."""
    if plan.agent_names and not any(fnmatchcase(agent.name, pattern) for pattern in plan.agent_names):
        return f"the plan chooses only agents named {', '.join(plan.agent_names)}"
    missing = [tag for tag in plan.agent_tags if tag not in agent.tags]
    if missing:
        return f"the plan chooses only agents with tag {', '.join(missing)}"
    return _sandbox_exclusion(agent.sandbox, SandboxLevel(plan.min_sandbox))


def _sandbox_exclusion(sandbox: SandboxInfo, wanted: SandboxLevel) -> str:
    if wanted is SandboxLevel.NONE or is_at_least(sandbox.level, wanted):
        return ""
    has = "unknown" if sandbox.level is SandboxLevel.UNSPECIFIED else sandbox.level.value
    because = f" ({sandbox.reason})" if sandbox.reason else ""
    return f"the plan wants a sandbox that is at least {wanted.value}, and the one there is {has}{because}"


def mismatch(candidate: Candidate, agent: AgentInfo) -> Mismatch | None:
    """Return why `candidate` cannot run on `agent`; None if it can."""
    runtime = next((known for known in agent.runtimes if known.name == candidate.runtime), None)
    code = RuntimeMissingError.code
    if runtime is None:
        reason = f"agent {agent.name} does not know the runtime {candidate.runtime}"
    elif not runtime.is_available:
        reason = f"agent {agent.name}: {runtime.reason or 'the runtime is not usable'}"
    elif candidate.format not in runtime.formats:
        reason = f"{candidate.runtime} on agent {agent.name} does not take {candidate.format}"
    elif candidate.format == PICKLE_FORMAT and not agent.allows_pickle:
        code = ModelRefusedError.code
        reason = f"agent {agent.name} refuses pickles: start it with mltest-agent serve --allow-pickle"
    else:
        return None
    return Mismatch(candidate_id=candidate.candidate_id, reason_code=code, reason=reason)
