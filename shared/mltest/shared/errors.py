"""Every error that mltest raises on purpose.

A class has a stable `code`; its docstring is its message, filled with the facts that it was raised with. What a code
means for gRPC, for the exit status and for the user's next step stands in one table: `mltest.shared.status`.
"""

from typing import ClassVar


class MltestError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str = "", /, **facts: object) -> None:
        self.facts = facts
        self.message = message or _with_one_stop((type(self).__doc__ or "").format(**facts))
        super().__init__(self.message)


class UserError(MltestError):
    """The request is at fault; repeating it does not help."""


class InfrastructureError(MltestError):
    """A machine, a disk or a network is at fault; repeating the request may help."""


class ModelRefusedError(UserError):
    """This model is not opened: {detail}."""

    code = "MODEL_REFUSED"


class ModelInvalidError(UserError):
    """This is not a usable model: {detail}."""

    code = "MODEL_INVALID"


class ModelUnsupportedError(UserError):
    """This model cannot be used here: {detail}."""

    code = "MODEL_UNSUPPORTED"


class DataInvalidError(UserError):
    """This is not usable validation data: {detail}."""

    code = "DATA_INVALID"


class DataMismatchError(UserError):
    """Model and data do not belong together: {detail}."""

    code = "DATA_MISMATCH"


class PlanInvalidError(UserError):
    """The plan is not valid: {detail}."""

    code = "PLAN_INVALID"


class RequestInvalidError(UserError):
    """The request is not valid: {detail}."""

    code = "REQUEST_INVALID"


class BlobUnknownError(UserError):
    """There is no blob {sha256} here."""

    code = "BLOB_UNKNOWN"


class JobUnknownError(UserError):
    """There is no job {job_id}."""

    code = "JOB_UNKNOWN"


class JobStateError(UserError):
    """Job {job_id} is {state}: {detail}."""

    code = "JOB_STATE"


class VisitUnknownError(UserError):
    """There is no visit {visit_id}, attempt {attempt}, here."""

    code = "VISIT_UNKNOWN"


class NotPermittedError(UserError):
    """This is not permitted: {detail}."""

    code = "NOT_PERMITTED"


class NotTrustedError(UserError):
    """This key is not trusted here (any more)."""

    code = "NOT_TRUSTED"


class AgentNotEnrolledError(UserError):
    """Agent {agent} ({device_id}) was found, but is not enrolled: {detail}."""

    code = "AGENT_NOT_ENROLLED"


class KeyChangedError(UserError):
    """The key of agent {agent} changed: {old_id} was enrolled, {new_id} answers at {address}."""

    code = "KEY_CHANGED"


class InvitationInvalidError(UserError):
    """This is not an invitation: {detail}."""

    code = "INVITATION_INVALID"


class InvitationRefusedError(UserError):
    """The invitation of agent {agent} does not count: {detail}."""

    code = "INVITATION_REFUSED"


class InvitationExpiredError(UserError):
    """The invitation of agent {agent} has expired."""

    code = "INVITATION_EXPIRED"


class InvitationUsedUpError(UserError):
    """The invitation of agent {agent} was used as often as it may be."""

    code = "INVITATION_USED_UP"


class PeerUnknownError(UserError):
    """{peer} is not trusted here: {detail}."""

    code = "PEER_UNKNOWN"


class AgentUnreachableError(InfrastructureError):
    """Agent {agent} does not answer: {detail}."""

    code = "AGENT_UNREACHABLE"


class AgentBusyError(InfrastructureError):
    """Agent {agent} is busy: {holder} holds it ({purpose})."""

    code = "AGENT_BUSY"


class AgentDiedError(InfrastructureError):
    """The agent died while it was at this candidate: {detail}."""

    code = "AGENT_DIED"


class AgentClonedError(InfrastructureError):
    """Agent {agent} exists twice, at {addresses}: one disk or state directory is a copy. Neither gets a job."""

    code = "AGENT_CLONED"


class IdentityCopiedError(UserError):
    """The identity in {folder} belongs to another machine: this disk or state directory is a copy."""

    code = "IDENTITY_COPIED"


class ProtocolMismatchError(InfrastructureError):
    """{peer} speaks protocol {peer_version} (at least {peer_min}), this software {own_version} (at least {own_min})."""

    code = "PROTOCOL_MISMATCH"


class LeaseLostError(InfrastructureError):
    """The lease with epoch {epoch} is not valid any more."""

    code = "LEASE_LOST"


class BlobCorruptError(InfrastructureError):
    """The bytes of blob {sha256} are not those that were announced; they were dropped."""

    code = "BLOB_CORRUPT"


class BlobOffsetError(InfrastructureError):
    """Blob {sha256} goes on at byte {stored_bytes}, not {offset_bytes}."""

    code = "BLOB_OFFSET"


class BlobBusyError(InfrastructureError):
    """Blob {sha256} is being uploaded by somebody else."""

    code = "BLOB_BUSY"


class ServerBusyError(InfrastructureError):
    """Too many {what} at once: {limit} are served."""

    code = "SERVER_BUSY"


class DiskFullError(InfrastructureError):
    """There is no room for {needed_bytes} more bytes below {folder}."""

    code = "DISK_FULL"


class StoreBusyError(InfrastructureError):
    """Another coordinator ({owner}) uses the store {folder}."""

    code = "STORE_BUSY"


class CoordinatorUnreachableError(InfrastructureError):
    """The coordinator at {address} does not answer: {detail}."""

    code = "COORDINATOR_UNREACHABLE"


class VisitInterruptedError(InfrastructureError):
    """The visit was interrupted: {detail}."""

    code = "VISIT_INTERRUPTED"


class WorkerUnitError(InfrastructureError):
    """The worker unit behind {socket} cannot be used: {detail}."""

    code = "WORKER_UNIT"


class BackupInvalidError(UserError):
    """{path} cannot be restored: {detail}."""

    code = "BACKUP_INVALID"


class PowerUnreadableError(InfrastructureError):
    """The helper behind {socket}, which reads energy counters, cannot be used: {detail}."""

    code = "POWER_UNREADABLE"


class MeterUnreadableError(InfrastructureError):
    """Meter {meter} cannot be read: {detail}."""

    code = "METER_UNREADABLE"


class TuneRefusedError(UserError):
    """This machine cannot be tuned: {detail}."""

    code = "TUNE_REFUSED"


class TuneFailedError(InfrastructureError):
    """Tuning failed: {detail}."""

    code = "TUNE_FAILED"


class SpeedCheckError(InfrastructureError):
    """The speed of this machine cannot be checked: {detail}."""

    code = "SPEED_UNKNOWN"


class BoundaryInvalidError(UserError):
    """Nothing can be measured at the boundary {boundary}: {detail}."""

    code = "BOUNDARY_INVALID"


class NoAgentError(InfrastructureError):
    """No agent can run this job: {detail}."""

    code = "NO_AGENT"


class ChildCrashedError(MltestError):
    """The process died: {how}."""

    code = "MODEL_CRASHED"


class DeadlineError(MltestError):
    """{what} took longer than {limit_s:g} s."""

    code = "DEADLINE"


class ResourceLimitError(MltestError):
    """{what} is over its limit: {detail}."""

    code = "RESOURCE_LIMIT"


class CompileFailedError(MltestError):
    """It does not compile: {detail}."""

    code = "COMPILE_FAILED"


class RuntimeMissingError(MltestError):
    """Runtime {runtime} is not usable here: {detail}."""

    code = "RUNTIME_MISSING"


class EnvironmentBrokenError(MltestError):
    """The environment of the runtime is broken or cannot be seen here: {python} is no interpreter."""

    code = "ENVIRONMENT_BROKEN"


class RuntimeInstallError(MltestError):
    """Runtime {runtime} cannot be installed: {detail}."""

    code = "RUNTIME_INSTALL"


class ThreadsExceededError(MltestError):
    """In its process {thread_count} threads work, {limit} are possible with `threads` = {threads}: {detail}."""

    code = "THREADS_EXCEEDED"


class CallAbsentError(MltestError):
    """This call cannot be made here: {detail}."""

    code = "CALL_ABSENT"


class ConversionError(MltestError):
    """{converter} cannot convert this model: {detail}."""

    code = "CONVERSION_FAILED"


class ToolMissingError(MltestError):
    """{tool} cannot be used here: {detail}."""

    code = "TOOL_MISSING"


class PredictionError(MltestError):
    """The model does not predict these rows: {detail}."""

    code = "PREDICTION_FAILED"


def error_class(code: str) -> type[MltestError]:
    """Return the class with that code; `MltestError` for a code that this version does not know."""
    return _BY_CODE.get(code, MltestError)


def _with_one_stop(text: str) -> str:
    """Return `text`, whose last fact may have brought a full stop of its own."""
    return text[:-1] if text.endswith("..") and not text.endswith("...") else text


def _subclasses(base: type[MltestError]) -> list[type[MltestError]]:
    return [base, *(found for child in base.__subclasses__() for found in _subclasses(child))]


_BY_CODE = {found.code: found for found in _subclasses(MltestError) if "code" in vars(found)}
