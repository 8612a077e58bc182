"""Each mutant changes one function or statement of a module, right after that was imported."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

SHORT_TTL_S = 5.0


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is done to which module."""

    module: str
    change: Callable[[Any], None]


def _accept_every_epoch(lease: Any) -> None:
    """Let whoever names any epoch pass, as long as there is a valid grant."""

    def require(self: Any, epoch: int, now_ns: int) -> Any:
        current = self.current(now_ns)
        if current is None:
            raise lease.LeaseLostError(epoch=epoch)
        return current

    lease.Lease.require = require


def _store_again_what_arrives_again(sql: Any) -> None:
    """Give a series that is there already a number of its own."""
    sql.ADD_SERIES = (
        "INSERT INTO series SELECT ?1, ?2, coalesce((SELECT max(series_index) + 1 FROM series "
        "WHERE attempt_key = ?1 AND seq = ?2), ?3), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
    )


def _keep_nothing_on_disk(journal: Any) -> None:
    """Let events go out that are in the agent's memory only."""
    journal.DiskJournal.append = lambda self, seq, content: None


def _shorten_leases(lease: Any) -> None:
    """No mutant of the product: a lease that is not renewed ends within seconds, so that a test can wait for it."""
    lease.Lease.__init__.__kwdefaults__["ttl_ns"] = int(SHORT_TTL_S * 1e9)


def _never_wrap(counting: Any) -> None:
    """Take the difference of two readings as it is."""
    counting.counted_j = lambda first_j, second_j, wrap_j: second_j - first_j


def _add_every_rail(boards: Any) -> None:
    """Take every rail of a Jetson for a part of its board."""
    boards.board_of = lambda labels: boards.InaBoard(name="any", parts=tuple(labels))


def _forget_what_rounds_cannot_show(uncertainty: Any) -> None:
    """Let the error bar be that of the rounds alone."""
    uncertainty.expanded = lambda statistical, u_b: uncertainty.Uncertainty(
        u95=statistical, statistical=statistical, type_b=0.0
    )


def _ask_getrusage(process_state: Any) -> None:
    """Take the peak of a process from getrusage, which hands on that of its parent."""
    import resource

    process_state.memory_bytes = lambda key: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _refuse_nothing(machine_policy: Any) -> None:
    """Make a mere warning of what takes figures out of the ranking."""
    from dataclasses import replace

    from mltest.shared.domain import FindingLevel

    rows = machine_policy.TABLE
    machine_policy.TABLE = tuple(
        replace(row, level=FindingLevel.WARN) if row.level is FindingLevel.REFUSE else row for row in rows
    )


def _call_every_round_sound(soundness: Any) -> None:
    """Let rounds of energy count in which the machine was throttled, asleep, or used by others."""
    soundness.unsound_reason = lambda state: None


MUTANTS: Mapping[str, tuple[Mutant, ...]] = {
    "fencing": (Mutant("mltest.agent.lease.lease", _accept_every_epoch),),
    "dedup": (Mutant("mltest.coordinator.store.sql", _store_again_what_arrives_again),),
    "journal": (Mutant("mltest.agent.outbox.journal", _keep_nothing_on_disk),),
    "counter-wrap": (Mutant("mltest.shared.energy.counting", _never_wrap),),
    "board-rails": (Mutant("mltest.agent.meters.ina_boards", _add_every_rail),),
    "type-b": (Mutant("mltest.shared.energy.uncertainty", _forget_what_rounds_cannot_show),),
    "own-peak": (Mutant("mltest.agent.worker.process_state", _ask_getrusage),),
    "machine-refusal": (Mutant("mltest.coordinator.analysis.machine_policy", _refuse_nothing),),
    "energy-soundness": (Mutant("mltest.shared.energy.soundness", _call_every_round_sound),),
    "short-lease": (Mutant("mltest.agent.lease.lease", _shorten_leases),),
}

SAFEGUARDS = ("fencing", "dedup", "journal")
"""Those that stand for a promise: without one of them, tests have to fail."""

_ENGINE = "tests/unit/shared/energy"
FORMULAS: Mapping[str, tuple[str, ...]] = {
    "counter-wrap": (f"{_ENGINE}/test_window_energy.py", f"{_ENGINE}/test_known_energy.py"),
    "board-rails": ("tests/unit/agent/meters/test_discovery.py",),
    "type-b": (f"{_ENGINE}/test_energy_results.py", f"{_ENGINE}/test_known_energy.py"),
    "own-peak": ("tests/unit/agent/test_peak_memory.py",),
    "machine-refusal": ("tests/unit/coordinator/analysis/test_machine_policy.py",),
    "energy-soundness": (
        "tests/unit/coordinator/tests/test_energy_results.py",
        "tests/unit/agent/visit/test_round_watch.py",
    ),
}
"""What makes a number right, and where tests have to notice that it is missing."""


def apply(names: str, module: ModuleType) -> None:
    """Change `module` as the mutants in `names`, separated by commas, ask for."""
    for mutant in chosen(names):
        if mutant.module == module.__name__:
            mutant.change(module)


def chosen(names: str) -> list[Mutant]:
    """Return the mutants that `names` names."""
    return [mutant for name in filter(None, names.split(",")) for mutant in MUTANTS[name]]
