"""FastInference as the builder sees it: a confined process of its own interpreter, asked for one source at a time."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from mltest.coordinator.builder.fastinference.commit import commit_of
from mltest.coordinator.builder.fastinference.place import HOW_TO_GET_IT, TOOL, VARIABLE, Place, place_of
from mltest.coordinator.builder.tool_report import ToolReport
from mltest.coordinator.planning.plan import Plan
from mltest.shared.children.child import Child, ChildLimits, Confinement
from mltest.shared.children.frames import Frame
from mltest.shared.domain import Candidate
from mltest.shared.errors import (
    ChildCrashedError,
    ConversionError,
    DeadlineError,
    MltestError,
    ResourceLimitError,
    ToolMissingError,
)

CONTENT_OPTION, PYTHON_OPTION = f"{TOOL}_content", f"{TOOL}_python"

_MODULE = "mltest.coordinator.builder.fastinference.tool_child"
_FILE_BYTES = 1 << 30
_CONTENT_DIGITS = 16
_FATAL = (ChildCrashedError, DeadlineError, ResourceLimitError)


class FastInferenceTool:
    """One child, started when it is needed; it reads below `folder` and the checkout, and writes below `folder`/TOOL.

    It is not the child that opens models: importing the tool changes variables that steer threads, and it needs an
    interpreter of its own. It may start compilers, since kernels are sized by compiling them.
    """

    def __init__(self, folder: Path, *, memory_bytes: int) -> None:
        self._folder = folder.absolute()
        self._memory_bytes = memory_bytes
        self._child: Child | None = None
        self._report: ToolReport | None = None
        self._turn = asyncio.Lock()

    async def look(self, parts: Sequence[str], plan: Plan) -> ToolReport:
        """Return what is there; `parts` are modules of the tool that are tried."""
        if self._report is None:
            try:
                self._report = await self._looked(parts, plan)
            except ToolMissingError as error:
                self._report = ToolReport(failure=error.message)
            except MltestError as error:
                self._report = ToolReport(failure=f"FastInference cannot be started ({error.message}); {HOW_TO_GET_IT}")
        return self._report

    async def generate(self, candidate: Candidate, task: Path, plan: Plan) -> Path:
        """Return the file with the source for what the exporter of `candidate` wrote into `task`.

        Raises:
            MltestError: the tool fails, in its own words, or is over a limit; or the recipe names another one.

        """
        report = await self.look((), plan)
        if report.failure:
            raise ToolMissingError(report.failure)
        if any(candidate.recipe_options.get(name) != value for name, value in report.options.items()):
            asked = candidate.recipe_options.get(TOOL, "")
            detail = f"the recipe names {asked}, and {report.options[TOOL]} is configured; submit the model again"
            raise ConversionError(converter="FastInference", detail=detail)
        source = self._folder / TOOL / f"{candidate.candidate_id}.cpp"
        frame = {"command": "generate", "task": str(task), "source": str(source)}
        await self._request(frame, plan, timeout_s=plan.build_timeout_s, what="generating C++ with FastInference")
        return source

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _looked(self, parts: Sequence[str], plan: Plan) -> ToolReport:
        frame = {"command": "look", "parts": list(parts)}
        found = await self._request(frame, plan, timeout_s=plan.load_timeout_s, what="importing FastInference")
        if "other" in found:
            detail = f"{found['other']}, not that of github.com/sbuschjaeger; {HOW_TO_GET_IT}"
            raise ToolMissingError(tool="FastInference", detail=detail)
        if "failure" in found:
            raise ToolMissingError(tool="FastInference", detail=f"{found['failure']}; {HOW_TO_GET_IT}")
        commit = await asyncio.to_thread(commit_of, Path(found["folder"]).parent, TOOL) or _installed(found["commit"])
        options = {
            TOOL: commit,
            CONTENT_OPTION: found["content"][:_CONTENT_DIGITS],
            PYTHON_OPTION: found["python"],
        }
        return ToolReport(options=options, broken=found["broken"])

    async def _request(self, frame: Frame, plan: Plan, *, timeout_s: float, what: str) -> Frame:
        place = place_of(os.environ.get(VARIABLE, ""))
        async with self._turn:
            self._child = self._child or await self._spawn(place, plan)
            try:
                sent = {**frame, "checkout": str(place.checkout or "")}
                return await self._child.request(sent, timeout_s=timeout_s, what=what)
            except MltestError as error:
                if isinstance(error, _FATAL):
                    await self.close()
                raise
            except BaseException:
                await self.close()
                raise

    async def _spawn(self, place: Place, plan: Plan) -> Child:
        folder = self._folder / TOOL
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        readable = [self._folder, *([place.checkout] if place.checkout else [])]
        limits = ChildLimits(
            memory_bytes=plan.memory_bytes or self._memory_bytes,
            file_bytes=_FILE_BYTES,
            confinement=Confinement.COMPILER,
            readable=tuple(map(str, readable)),
        )
        return await Child.spawn(_MODULE, folder=folder, limits=limits, python=place.python)


def _installed(commit: str) -> str:
    return f"{commit[:12]}, installed" if commit else "of an unknown commit"
