"""One table: what each error code means for gRPC, for the exit status, and what the user can do next."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

import grpc
import grpc.aio

from mltest.shared.errors import InfrastructureError, MltestError, error_class

_LOG = logging.getLogger(__name__)

ERROR_CODE_KEY = "mltest-error-code"
NEXT_STEP_KEY = "mltest-next-step"
FACTS_KEY = "mltest-error-facts-bin"
"""Facts of an error for programs, as a JSON object."""

_SENT_FACTS = {"AGENT_BUSY": ("holder", "purpose", "lease_left_s", "position", "waiting_count")}
"""By code: what goes to the peer besides the message."""
_MAX_FACTS_BYTES = 4096

EXIT_OK = 0
EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_USER = 3
EXIT_INFRASTRUCTURE = 4
EXIT_REGRESSION = 5
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """What one error code means."""

    status: grpc.StatusCode
    exit_code: int
    next_step: str = ""
    """Command or edit that mends it, for people."""


_S = grpc.StatusCode

_NEW_INVITATION = "mltest-coordinator invite makes a new one; on the agent, paste it to `mltest-agent join -`"

ERROR_TABLE: dict[str, ErrorEntry] = {
    "INTERNAL": ErrorEntry(_S.INTERNAL, EXIT_INTERNAL, "see the log of the process that failed"),
    "MODEL_REFUSED": ErrorEntry(
        _S.PERMISSION_DENIED, EXIT_USER, "save it with skops.io.dump, or repeat with --allow-pickle if you trust it"
    ),
    "MODEL_INVALID": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER, "save the model again and submit the new file"),
    "MODEL_UNSUPPORTED": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER, "see 'What it takes' in the README"),
    "DATA_INVALID": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER, "see 'Data' in mltest-coordinator submit --help"),
    "DATA_MISMATCH": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER, "submit the data that belongs to this model"),
    "PLAN_INVALID": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER, "mltest-coordinator plan prints a valid one"),
    "REQUEST_INVALID": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER),
    "BLOB_UNKNOWN": ErrorEntry(_S.NOT_FOUND, EXIT_USER, "upload it with BlobService.PutBlob first"),
    "JOB_UNKNOWN": ErrorEntry(_S.NOT_FOUND, EXIT_USER, "mltest-coordinator jobs lists them"),
    "JOB_STATE": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER, "mltest-coordinator show JOB says where it stands"),
    "VISIT_UNKNOWN": ErrorEntry(_S.NOT_FOUND, EXIT_USER),
    "NOT_PERMITTED": ErrorEntry(_S.PERMISSION_DENIED, EXIT_USER),
    "NOT_TRUSTED": ErrorEntry(
        _S.PERMISSION_DENIED,
        EXIT_USER,
        "for an agent: on it run `mltest-agent join -` with what `mltest-coordinator invite` prints; "
        "for a client: mltest-coordinator client-key NAME --out DIR",
    ),
    "AGENT_NOT_ENROLLED": ErrorEntry(
        _S.PERMISSION_DENIED,
        EXIT_USER,
        "on it run `mltest-agent join -` with what `mltest-coordinator invite` prints here",
    ),
    "KEY_CHANGED": ErrorEntry(
        _S.PERMISSION_DENIED,
        EXIT_USER,
        "if it was reset or replaced: `mltest-coordinator forget` the old one, then enrol it again",
    ),
    "INVITATION_INVALID": ErrorEntry(
        _S.INVALID_ARGUMENT, EXIT_USER, "paste all of what `mltest-coordinator invite` prints, one word"
    ),
    "INVITATION_REFUSED": ErrorEntry(_S.PERMISSION_DENIED, EXIT_USER, _NEW_INVITATION),
    "INVITATION_EXPIRED": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER, _NEW_INVITATION),
    "INVITATION_USED_UP": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER, _NEW_INVITATION),
    "PEER_UNKNOWN": ErrorEntry(_S.NOT_FOUND, EXIT_USER, "`trusted` and `mltest-coordinator agents` list names and ids"),
    "AGENT_UNREACHABLE": ErrorEntry(
        _S.UNAVAILABLE,
        EXIT_INFRASTRUCTURE,
        "is mltest-agent running there? Off loopback it listens once it was joined, or with --listen 0.0.0.0",
    ),
    "AGENT_BUSY": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_INFRASTRUCTURE, "wait for its holder, or use another agent"),
    "AGENT_DIED": ErrorEntry(_S.ABORTED, EXIT_INFRASTRUCTURE, "look at that machine, and at the candidate's model"),
    "AGENT_CLONED": ErrorEntry(
        _S.FAILED_PRECONDITION, EXIT_INFRASTRUCTURE, "run mltest-agent reset-identity on the machine that is the copy"
    ),
    "IDENTITY_COPIED": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER, "mltest-agent reset-identity makes a new one"),
    "PROTOCOL_MISMATCH": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_INFRASTRUCTURE, "upgrade the older of the two"),
    "LEASE_LOST": ErrorEntry(_S.ABORTED, EXIT_INFRASTRUCTURE, "acquire a new lease"),
    "BLOB_CORRUPT": ErrorEntry(_S.DATA_LOSS, EXIT_INFRASTRUCTURE, "upload it again"),
    "BLOB_OFFSET": ErrorEntry(_S.OUT_OF_RANGE, EXIT_INFRASTRUCTURE, "ask GetBlobStatus where to go on"),
    "BLOB_BUSY": ErrorEntry(_S.ABORTED, EXIT_INFRASTRUCTURE, "wait for the other upload"),
    "SERVER_BUSY": ErrorEntry(_S.RESOURCE_EXHAUSTED, EXIT_INFRASTRUCTURE, "repeat it when other callers have ended"),
    "DISK_FULL": ErrorEntry(_S.RESOURCE_EXHAUSTED, EXIT_INFRASTRUCTURE, "make room on that disk, then repeat"),
    "STORE_BUSY": ErrorEntry(
        _S.FAILED_PRECONDITION, EXIT_INFRASTRUCTURE, "wait for it to end, or name another folder with --state-dir"
    ),
    "COORDINATOR_UNREACHABLE": ErrorEntry(_S.UNAVAILABLE, EXIT_INFRASTRUCTURE, "is mltest-coordinator serve running?"),
    "VISIT_INTERRUPTED": ErrorEntry(_S.ABORTED, EXIT_INFRASTRUCTURE),
    "WORKER_UNIT": ErrorEntry(
        _S.UNAVAILABLE,
        EXIT_INFRASTRUCTURE,
        "on that machine: systemctl enable --now mltest-worker.socket; journalctl -u 'mltest-worker@*' says more",
    ),
    "BACKUP_INVALID": ErrorEntry(
        _S.DATA_LOSS, EXIT_USER, "use an older file that mltest-coordinator backup wrote; nothing was changed"
    ),
    "POWER_UNREADABLE": ErrorEntry(
        _S.UNAVAILABLE, EXIT_INFRASTRUCTURE, "on that machine: systemctl enable --now mltest-powerd.socket"
    ),
    "METER_UNREADABLE": ErrorEntry(
        _S.UNAVAILABLE,
        EXIT_INFRASTRUCTURE,
        "on that machine: mltest-agent meters says what can be read, and how to grant what cannot",
    ),
    "TUNE_REFUSED": ErrorEntry(_S.PERMISSION_DENIED, EXIT_USER, "sudo mltest-agent tune apply"),
    "TUNE_FAILED": ErrorEntry(
        _S.FAILED_PRECONDITION, EXIT_INFRASTRUCTURE, "mltest-agent tune shows what is set, and what it was before"
    ),
    "SPEED_UNKNOWN": ErrorEntry(_S.UNAVAILABLE, EXIT_INFRASTRUCTURE, "mltest-agent doctor on its machine says more"),
    "BOUNDARY_INVALID": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER, "mltest-agent meters lists what each meter covers"),
    "NO_AGENT": ErrorEntry(
        _S.FAILED_PRECONDITION,
        EXIT_INFRASTRUCTURE,
        "mltest-coordinator agents shows who is there; submit --local measures on this machine",
    ),
    "MODEL_CRASHED": ErrorEntry(
        _S.INVALID_ARGUMENT, EXIT_USER, "try it in its own library: what ends the process there ends it here"
    ),
    "DEADLINE": ErrorEntry(_S.DEADLINE_EXCEEDED, EXIT_USER, "raise load_timeout_s or step_timeout_s in the plan"),
    "RESOURCE_LIMIT": ErrorEntry(
        _S.RESOURCE_EXHAUSTED, EXIT_USER, "raise memory_bytes in the plan, if the machine has more"
    ),
    "COMPILE_FAILED": ErrorEntry(
        _S.INVALID_ARGUMENT,
        EXIT_USER,
        "compile it on that machine as docs/c-interface.md says, and mend what the compiler names",
    ),
    "RUNTIME_MISSING": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER, "install the runtime's extra on that machine"),
    "ENVIRONMENT_BROKEN": ErrorEntry(
        _S.FAILED_PRECONDITION, EXIT_USER, "on that machine: mltest-agent runtimes install NAME makes it anew"
    ),
    "RUNTIME_INSTALL": ErrorEntry(
        _S.FAILED_PRECONDITION, EXIT_USER, "wheels from elsewhere: --find-links DIR or --index-url URL"
    ),
    "THREADS_EXCEEDED": ErrorEntry(
        _S.FAILED_PRECONDITION,
        EXIT_USER,
        "raise `threads` in the plan, or let the runtime start no more than it is told",
    ),
    "CALL_ABSENT": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER),
    "CONVERSION_FAILED": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER),
    "TOOL_MISSING": ErrorEntry(_S.FAILED_PRECONDITION, EXIT_USER, "docs/fastinference.md says how to get and name it"),
    "PREDICTION_FAILED": ErrorEntry(_S.INVALID_ARGUMENT, EXIT_USER),
}


_BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_BROKEN_WHILE_SENDING = "Internal error from Core"
"""What the library says on this side (INTERNAL) if a connection breaks while it sends a message of a stream."""


def entry_of(error: MltestError) -> ErrorEntry:
    """Return the row of the table for `error`."""
    return ERROR_TABLE[error.code]


def next_step_of(error: MltestError) -> str:
    """Return what mends `error`: what it was raised with, else what the table says; empty if nothing is known."""
    return str(error.facts.get("next_step") or entry_of(error).next_step)


@asynccontextmanager
async def translated_errors(context: "grpc.aio.ServicerContext[object, object]") -> AsyncIterator[None]:
    """End an RPC with the status of the error raised inside; an unexpected one is logged and ends as INTERNAL."""
    try:
        yield
    except MltestError as error:
        await abort_with(context, error)
    except (grpc.aio.AbortError, grpc.RpcError):
        raise
    except Exception:
        _LOG.exception("unexpected error in an RPC")
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the log of this process")


async def abort_with(context: "grpc.aio.ServicerContext[object, object]", error: MltestError) -> NoReturn:
    """End an RPC with the status of `error`."""
    entry = entry_of(error)
    metadata = ((ERROR_CODE_KEY, error.code), (NEXT_STEP_KEY, next_step_of(error)))
    ascii_metadata = tuple((key, value.encode("ascii", "replace").decode()) for key, value in metadata if value)
    await context.abort(entry.status, error.message, (*ascii_metadata, *_facts_metadata(error)))
    raise AssertionError("unreachable")


def error_from_rpc(error: grpc.aio.AioRpcError, unreachable: InfrastructureError) -> MltestError:
    """Return the error that a peer ended an RPC with; `unreachable` where the peer was not reached at all."""
    metadata = dict(error.trailing_metadata() or ())
    code = metadata.get(ERROR_CODE_KEY)
    if isinstance(code, str):
        facts = _facts_from(code, metadata.get(FACTS_KEY, b""))
        return error_class(code)(error.details() or code, **facts, next_step=metadata.get(NEXT_STEP_KEY, ""))
    if error.code() in _BROKEN or error.details() == _BROKEN_WHILE_SENDING:
        return unreachable
    return MltestError(f"{error.code().name}: {error.details()}")


def _facts_metadata(error: MltestError) -> tuple[tuple[str, bytes], ...]:
    facts = {name: error.facts[name] for name in _SENT_FACTS.get(error.code, ()) if name in error.facts}
    return ((FACTS_KEY, json.dumps(facts).encode()),) if facts else ()


def _facts_from(code: str, content: str | bytes) -> dict[str, object]:
    """Return the known facts of a peer's error; nothing where they make no sense."""
    if not content or len(content) > _MAX_FACTS_BYTES:
        return {}
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    known = _SENT_FACTS.get(code, ())
    facts = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in facts if name in known and isinstance(value, str | int | float)}
