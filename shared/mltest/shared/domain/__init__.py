"""Domain values: frozen, without behaviour beyond their own facts, importing only the standard library.

A module is imported when one of its names is first asked for: most processes are small children that need a few values,
and making all of these classes takes longer than starting the interpreter.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mltest.shared.domain.agent import (
        UNKNOWN_SANDBOX,
        AgentInfo,
        AgentUse,
        Compiler,
        FleetAgent,
        Gpu,
        HostInfo,
        MeterInfo,
        RuntimeInfo,
        SandboxInfo,
        SandboxLevel,
    )
    from mltest.shared.domain.comparison import (
        Basis,
        Change,
        Comparison,
        Difference,
        EnvironmentChange,
        History,
        HistoryPoint,
        HistorySeries,
    )
    from mltest.shared.domain.disagreement import Cause, Disagreement, Disagreements
    from mltest.shared.domain.energy import (
        FIRST_ENERGY_ROUND,
        DomainReadings,
        EnergyAbsent,
        EnergyCalls,
        EnergyRecorded,
        EnergySpec,
        EnergyWindow,
        EnergyWindowKind,
        RoundState,
    )
    from mltest.shared.domain.fingerprint import Fingerprint
    from mltest.shared.domain.job import (
        AgentUpdated,
        Candidate,
        CandidateUpdated,
        DatasetInfo,
        FileRef,
        JobEvent,
        JobEventBody,
        JobInfo,
        JobNote,
        JobSpec,
        JobState,
        JobStateChanged,
        ModelInfo,
        StepStarted,
        VisitUpdated,
    )
    from mltest.shared.domain.machine import FindingLevel, GpuState, MachineFinding
    from mltest.shared.domain.memory import MemorySpec
    from mltest.shared.domain.preview import JobPreview, PrunedCell
    from mltest.shared.domain.result import (
        AgentMachine,
        BatchBest,
        FrontPoint,
        JobResults,
        LaterEvaluation,
        ParetoFront,
        Recomputation,
        ReportedTest,
        ReportedTestState,
        Result,
        Standing,
        StandingRow,
        Standings,
    )
    from mltest.shared.domain.speed import PartDrift, SpeedCheck, SpeedDrift, SpeedProcess
    from mltest.shared.domain.visit import (
        CallRemark,
        CallsVerified,
        CandidateEnded,
        LatencySpec,
        Limits,
        MachineClass,
        MachineState,
        MetricDescriptor,
        OpenLoopSpec,
        Outcome,
        Output,
        PredictionsStored,
        RemarkKind,
        SampleBatch,
        SampleSeries,
        Task,
        VerifiedCalls,
        VisitCandidate,
        VisitEnded,
        VisitEvent,
        VisitEventBody,
        VisitSpec,
        VisitStarted,
    )

_NAMES = {
    "agent": (
        "UNKNOWN_SANDBOX AgentInfo AgentUse Compiler FleetAgent Gpu HostInfo MeterInfo RuntimeInfo "
        "SandboxInfo SandboxLevel"
    ),
    "comparison": "Basis Change Comparison Difference EnvironmentChange History HistoryPoint HistorySeries",
    "disagreement": "Cause Disagreement Disagreements",
    "energy": (
        "FIRST_ENERGY_ROUND DomainReadings EnergyAbsent EnergyCalls EnergyRecorded EnergySpec EnergyWindow "
        "EnergyWindowKind RoundState"
    ),
    "fingerprint": "Fingerprint",
    "job": (
        "AgentUpdated Candidate CandidateUpdated DatasetInfo FileRef JobEvent JobEventBody JobInfo JobNote "
        "JobSpec JobState JobStateChanged ModelInfo StepStarted VisitUpdated"
    ),
    "machine": "FindingLevel GpuState MachineFinding",
    "memory": "MemorySpec",
    "preview": "JobPreview PrunedCell",
    "result": (
        "AgentMachine BatchBest FrontPoint JobResults LaterEvaluation ParetoFront Recomputation ReportedTest "
        "ReportedTestState Result Standing StandingRow Standings"
    ),
    "speed": "PartDrift SpeedCheck SpeedDrift SpeedProcess",
    "visit": (
        "CallRemark CallsVerified CandidateEnded LatencySpec Limits MachineClass MachineState "
        "MetricDescriptor OpenLoopSpec Outcome Output PredictionsStored RemarkKind SampleBatch SampleSeries "
        "Task VerifiedCalls VisitCandidate VisitEnded VisitEvent VisitEventBody VisitSpec VisitStarted"
    ),
}
"""By module."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "FIRST_ENERGY_ROUND",
    "UNKNOWN_SANDBOX",
    "AgentInfo",
    "AgentMachine",
    "AgentUpdated",
    "AgentUse",
    "Basis",
    "BatchBest",
    "CallRemark",
    "CallsVerified",
    "Candidate",
    "CandidateEnded",
    "CandidateUpdated",
    "Cause",
    "Change",
    "Comparison",
    "Compiler",
    "DatasetInfo",
    "Difference",
    "Disagreement",
    "Disagreements",
    "DomainReadings",
    "EnergyAbsent",
    "EnergyCalls",
    "EnergyRecorded",
    "EnergySpec",
    "EnergyWindow",
    "EnergyWindowKind",
    "EnvironmentChange",
    "FileRef",
    "FindingLevel",
    "Fingerprint",
    "FleetAgent",
    "FrontPoint",
    "Gpu",
    "GpuState",
    "History",
    "HistoryPoint",
    "HistorySeries",
    "HostInfo",
    "JobEvent",
    "JobEventBody",
    "JobInfo",
    "JobNote",
    "JobPreview",
    "JobResults",
    "JobSpec",
    "JobState",
    "JobStateChanged",
    "LatencySpec",
    "LaterEvaluation",
    "Limits",
    "MachineClass",
    "MachineFinding",
    "MachineState",
    "MemorySpec",
    "MeterInfo",
    "MetricDescriptor",
    "ModelInfo",
    "OpenLoopSpec",
    "Outcome",
    "Output",
    "ParetoFront",
    "PartDrift",
    "PredictionsStored",
    "PrunedCell",
    "Recomputation",
    "RemarkKind",
    "ReportedTest",
    "ReportedTestState",
    "Result",
    "RoundState",
    "RuntimeInfo",
    "SampleBatch",
    "SampleSeries",
    "SandboxInfo",
    "SandboxLevel",
    "SpeedCheck",
    "SpeedDrift",
    "SpeedProcess",
    "Standing",
    "StandingRow",
    "Standings",
    "StepStarted",
    "Task",
    "VerifiedCalls",
    "VisitCandidate",
    "VisitEnded",
    "VisitEvent",
    "VisitEventBody",
    "VisitSpec",
    "VisitStarted",
    "VisitUpdated",
]


if not TYPE_CHECKING:
    # Type checkers would take every name for one that exists.
    def __getattr__(name: str) -> object:
        """Return what is called `name`, from its module."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = found
        return found
