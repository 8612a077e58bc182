"""The fleet and the jobs as tables."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from mltest.coordinator.report.plain import plain_table, printable
from mltest.shared.domain import AgentInfo, AgentUse, FleetAgent, JobInfo, SandboxInfo, SandboxLevel
from mltest.shared.units import bytes_text, date_text


def fleet_table(agents: Sequence[FleetAgent]) -> Table:
    """Return one row for each agent."""
    table = plain_table()
    for title in ("agent", "address", "machine", "runtimes", "sandbox", "state"):
        table.add_column(title, overflow="fold")
    for found in agents:
        agent = found.agent
        tags = f" [{', '.join(agent.tags)}]" if agent and agent.tags else ""
        table.add_row(
            printable((agent.name if agent else found.advertised_name or "?") + tags, style="bold"),
            printable(f"{found.address} ({found.source})"),
            printable(_machine(agent) if agent else ""),
            printable(_runtimes(agent) if agent else ""),
            printable(_sandbox(agent.sandbox) if agent else ""),
            _state(found),
        )
    return table


def jobs_table(jobs: Sequence[JobInfo]) -> Table:
    """Return one row for each job."""
    table = plain_table()
    for title in ("job", "state", "submitted", "visits", "model", "data"):
        table.add_column(title, overflow="fold")
    for job in jobs:
        table.add_row(
            printable(job.job_id, style="bold"),
            printable(job.state.value),
            printable(date_text(job.created_unix_ns)),
            printable(f"{job.visits_done}/{job.visits_total}"),
            printable(job.spec.model.name),
            printable(", ".join(file.name for file in job.spec.data)),
        )
    return table


def _machine(agent: AgentInfo) -> str:
    host = agent.host
    gpus = "".join(f", {gpu.name}" for gpu in host.gpus)
    played = f" (emulated by {host.emulator})" if host.emulator else ""
    memory = bytes_text(host.memory_bytes)
    return f"{host.architecture}{played}, {host.cpu_model}, {host.logical_cores} cores, {memory}{gpus}"


def _runtimes(agent: AgentInfo) -> str:
    usable = [f"{runtime.name} {runtime.version}" for runtime in agent.runtimes if runtime.is_available]
    return ", ".join(usable) or "none"


def _sandbox(sandbox: SandboxInfo) -> str:
    if sandbox.level is SandboxLevel.UNSPECIFIED:
        return "?"
    return f"{sandbox.level.value}: {sandbox.reason}" if sandbox.reason else sandbox.level.value


def _state(found: FleetAgent) -> Text:
    if found.is_alive and not found.reason:
        text = ", ".join(filter(None, ("alive", _use(found.use), found.flag and f"flagged: {found.flag}")))
        return printable(text, style="yellow" if found.flag else "green")
    if found.is_stranger:
        return printable("not enrolled", style="yellow")
    return printable(f"{'alive' if found.is_alive else 'gone'}: {found.reason}".removesuffix(": "), style="red")


def _use(use: AgentUse | None) -> str:
    """Return who uses it, for how long, and who waits; empty if nobody does or it does not say."""
    if use is None or not (use.holder or use.visit_id):
        return ""
    waiting = f", {use.waiting_count} waiting" if use.waiting_count else ""
    if not use.holder:
        return f"runs a visit whose lease expired{waiting}"
    purpose = f" ({use.purpose})" if use.purpose else ""
    return f"leased by {use.holder}{purpose} for another {use.lease_left_ns / 1e9:.0f} s{waiting}"
