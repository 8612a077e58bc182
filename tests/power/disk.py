"""What programs do to a disk, in order, and what is there when the power fails at any point of that. Pure.

The model is the pessimistic one of SQLite's own crash tests (sqlite.org/testing.html, 3.3): what was not synced may be
there, or not, or in part, sector by sector and in any order, and a sector that was being written may hold rubbish. What
was synced is there. Names are certain once their folder was synced.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place of a file."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file gets another size."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Everything that was written to a file before is on the disk."""

    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """A name is removed."""

    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A file takes the name of another."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder below the one that is recorded."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """Every name in a folder is certain from now on."""

    name: str = ""
    """Below the folder that is recorded; empty: itself."""


@dataclass(frozen=True, slots=True)
class Promised:
    """From here on, `fact` has to survive."""

    fact: object


Operation = Write | Truncate | Sync | Delete | Rename | MakeFolder | SyncFolder | Promised


@dataclass(slots=True)
class _File:
    content: bytearray = field(default_factory=bytearray)
    """What is on the disk for certain."""
    pending: list[Write | Truncate] = field(default_factory=list)
    is_folder: bool = False

    def settle(self) -> None:
        """Bring to the disk what is pending."""
        for operation in self.pending:
            _do(self.content, operation)
        self.pending.clear()

    def after_cut(self, random: Random) -> bytes:
        """Return what may be left."""
        kept = random.choice((0.0, 0.5, 0.9, 1.0))
        content = bytearray(self.content)
        for operation in self.pending:
            for part in _sectors(operation):
                if random.random() < kept:
                    _do(content, part)
                elif isinstance(part, Write) and random.random() < 0.05:
                    _do(content, Write(part.name, part.offset, random.randbytes(len(part.data))))
        return bytes(content)


class Disk:
    """Files by name, and the names that are not certain yet."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._now: dict[str, _File] = {}
        """By the names that programs see."""
        self._certain: dict[str, _File] = {}
        """By the names that survive for certain."""
        for operation in operations:
            self._apply(operation)

    def after_cut(self, random: Random) -> dict[str, bytes]:
        """Return one of the ways in which the disk may look after the power failed now."""
        names = dict(self._certain)
        for name in sorted(self._now.keys() | self._certain.keys()):
            if self._now.get(name) is not self._certain.get(name) and random.random() < 0.5:
                names.pop(name, None)
                if name in self._now:
                    names[name] = self._now[name]
        return {
            name: file.after_cut(random)
            for name, file in names.items()
            if not file.is_folder and all(folder in names for folder in _folders_of(name))
        }

    def _apply(self, operation: Operation) -> None:
        match operation:
            case Write() | Truncate():
                self._now.setdefault(operation.name, _File()).pending.append(operation)
            case Sync(name):
                self._now.setdefault(name, _File()).settle()
            case Delete(name):
                self._now.pop(name, None)
            case Rename(old, new):
                self._now[new] = self._now.pop(old)
            case MakeFolder(name):
                self._now[name] = _File(is_folder=True)
            case SyncFolder(folder):
                elsewhere = {name: file for name, file in self._certain.items() if parent_of(name) != folder}
                here = {name: file for name, file in self._now.items() if parent_of(name) == folder}
                self._certain = elsewhere | here
            case Promised():
                pass


def parent_of(name: str) -> str:
    """Return the folder of a name; empty for the one that is recorded."""
    return name.rpartition("/")[0]


def promised(operations: Iterable[Operation]) -> list[object]:
    """Return the facts that have to survive a cut after `operations`."""
    return [operation.fact for operation in operations if isinstance(operation, Promised)]


def _do(content: bytearray, operation: Write | Truncate) -> None:
    if isinstance(operation, Truncate):
        del content[operation.size :]
        content.extend(bytes(operation.size - len(content)))
        return
    content.extend(bytes(max(0, operation.offset - len(content))))
    content[operation.offset : operation.offset + len(operation.data)] = operation.data


def _folders_of(name: str) -> Iterator[str]:
    while name := parent_of(name):
        yield name


def _sectors(operation: Write | Truncate) -> Sequence[Write | Truncate]:
    """Return the pieces of which a disk may do some and not others."""
    if isinstance(operation, Truncate):
        return [operation]
    pieces: list[Write | Truncate] = []
    begin, end = operation.offset, operation.offset + len(operation.data)
    while begin < end:
        until = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        data = operation.data[begin - operation.offset : until - operation.offset]
        pieces.append(Write(operation.name, begin, data))
        begin = until
    return pieces
