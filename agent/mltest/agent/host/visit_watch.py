"""What happened to a machine from the begin of a visit to its end, by what its kernel and drivers count."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mltest.agent.host.gpu_watch import GpuWatch
from mltest.agent.host.neighbours import package_neighbours, split_core_count
from mltest.agent.host.processor_time import ProcessorTime, load_between, read_processor_time
from mltest.agent.host.settings import read_settings
from mltest.agent.host.swap import swap_used_bytes, swapped_bytes
from mltest.agent.host.throttling import causes_between, find_signs
from mltest.shared.domain import MachineState


class VisitWatch:
    """Reads at its making and at the end, and nothing in between."""

    def __init__(self, root: Path, cpus: Collection[int], own_pid: int) -> None:
        self._root = root
        self._cpus = cpus
        self._own_pid = own_pid
        self._neighbours = package_neighbours(root, cpus)
        self._settings = read_settings(root, cpus)
        self._signs = {sign: sign.read() for sign in find_signs(root)}
        self._swapped_bytes = swapped_bytes(root)
        self._neighbour_time = self._read_neighbours()
        self._gpus = GpuWatch(root, (own_pid,))

    def completed(self, state: MachineState, pids: Collection[int]) -> MachineState:
        """Return `state`, of the slices of this visit, with what happened since it began; `pids` are its workers."""
        causes = (cause for sign, was in self._signs.items() for cause in causes_between(sign, was, sign.read()))
        load = load_between(self._neighbour_time, self._read_neighbours())
        before, swapped = self._swapped_bytes, swapped_bytes(self._root)
        return replace(
            state,
            throttle_causes=tuple(sorted({*state.throttle_causes, *causes})),
            changed_settings=tuple(changed_settings(self._settings, state.settings)),
            swapped_bytes=None if swapped is None or before is None else max(0, swapped - before),
            swap_used_bytes=swap_used_bytes(self._root),
            package_load_ratio=load.foreign_ratio if load else None,
            split_core_count=split_core_count(self._root, self._cpus),
            gpus=self._gpus.end((self._own_pid, *pids)),
        )

    def _read_neighbours(self) -> ProcessorTime | None:
        return read_processor_time(self._root, self._neighbours, ()) if self._neighbours else None


def changed_settings(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield which settings changed, of those that both have."""
    for name, text in before.items():
        if name in after and after[name] != text:
            yield f"{name}: {text} became {after[name]}"
