"""Enrols agents with a coordinator, as `invite` and `join -` do; no process has to run."""

from pathlib import Path

from mltest.agent.joining import join
from mltest.coordinator.trust import invite


def enrol(state: Path, home: Path) -> None:
    """Let the agent on `state` be enrolled by the coordinator on `home` when that sees it next."""
    home.mkdir(parents=True, exist_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    join(state, invite(home, uses=1, ttl_s=3600.0))
