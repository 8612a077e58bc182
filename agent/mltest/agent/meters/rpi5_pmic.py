"""The power chip of a Raspberry Pi 5: an estimate, since what USB and HATs draw does not pass it.

Source of the fit: the guide of pitop, board = 1.1451 x sum of rails + 0.5879 W.
"""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from mltest.agent.host.raspberry_pi import raspberry_pi_model
from mltest.agent.meters.pmic_text import rails_w
from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import MeterUnreadableError

NAME = "rpi5-pmic"
_PROGRAM = "usr/bin/vcgencmd"
_FACTOR, _ADDED_W = 1.1451, 0.5879
_GAIN_U_RATIO, _OFFSET_U_W, _FLOOR_S = 0.05, 0.5, 30.0
_RESOLUTION_W = 0.01
_UPDATE_S = 0.1
_TIMEOUT_S = 5.0
_MAX_TEXT_BYTES = 16 * 1024
_REMEDY = "sudo usermod -aG video $USER   # then log in again: the program asks /dev/vcio"


@meter_kind
class Rpi5Pmic:
    """Finds the power chip of a Raspberry Pi 5."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return one meter for the board."""
        model = raspberry_pi_model(site.root)
        if not model:
            return [Unavailable(meter=NAME, reason="this is no Raspberry Pi")]
        if not model.startswith(("Raspberry Pi 5", "Raspberry Pi Compute Module 5", "Raspberry Pi 500")):
            return [Unavailable(meter=NAME, reason=f"{model} has no sensor of its power: an external meter is needed")]
        program = site.root / _PROGRAM
        try:
            rails = rails_w(_asked(program))
        except MeterUnreadableError as error:
            return [Unavailable(meter=NAME, reason=str(error.facts["detail"]), remedy=_REMEDY)]
        if not rails:
            return [Unavailable(meter=NAME, reason="vcgencmd pmic_read_adc tells of no rail", remedy=_REMEDY)]
        return [PmicMeter(program, model, tuple(rails))]


class PmicMeter:
    """All rails of the power chip."""

    def __init__(self, program: Path, model: str, rails: Sequence[str]) -> None:
        self._program = program
        names = tuple(f"rail.{name}" for name in rails)
        board = Domain(
            id="board",
            scope=Scope.BOARD,
            parts=names,
            factor=_FACTOR,
            added_w=_ADDED_W,
            offset_u_w=_OFFSET_U_W,
        )
        self._spec = MeterSpec(
            meter=NAME,
            source=f"power chip of {model}",
            kind=MeterKind.POWER,
            domains=(board, *(_rail(name) for name in names)),
            update_s=_UPDATE_S,
            gain_u_ratio=_GAIN_U_RATIO,
            floor_s=_FLOOR_S,
            is_estimate=True,
            note="what USB devices and HATs draw is not seen",
        )

    @property
    def spec(self) -> MeterSpec:
        """What it reads."""
        return self._spec

    def open(self) -> None:
        """Nothing stays open."""

    def read(self) -> Reading:
        """Return the power of every rail; asks a program, which takes milliseconds."""
        begin_ns = time.monotonic_ns()
        rails = rails_w(_asked(self._program))
        end_ns = time.monotonic_ns()
        return Reading(
            begin_ns=begin_ns, end_ns=end_ns, values={f"rail.{name}": watts for name, watts in rails.items()}
        )

    def close(self) -> None:
        """Nothing stays open."""


def _rail(name: str) -> Domain:
    return Domain(id=name, scope=Scope.RAIL, parent="board", resolution=_RESOLUTION_W)


def _asked(program: Path) -> str:
    try:
        done = subprocess.run(
            [program, "pmic_read_adc"], capture_output=True, timeout=_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise MeterUnreadableError(meter=NAME, detail="vcgencmd is not installed") from error
    except subprocess.CalledProcessError as error:
        text = " ".join((error.stdout + error.stderr).decode(errors="replace").split())[:200]
        raise MeterUnreadableError(meter=NAME, detail=f"vcgencmd says: {text}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise MeterUnreadableError(meter=NAME, detail=f"vcgencmd does not answer ({error})") from error
    return done.stdout[:_MAX_TEXT_BYTES].decode(errors="replace")
