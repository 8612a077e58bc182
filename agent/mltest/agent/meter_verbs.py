"""`mltest-agent meters`: what energy can be measured with here, and how exactly."""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mltest.agent.meters.role import Meter, MeterSite

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

_DESCRIPTION = """\
List what reads energy or power on this machine: what each meter covers, how often it changes, its smallest step, and
how well its scale is known. What cannot be used is listed with the reason and the command that grants it. Nothing is
changed. Without a verb: list."""

_PROBE = """\
Read every meter as often as it can be for some seconds, and say how often each number really changes, by what steps,
and what one reading takes. Let something run meanwhile: power that stands still shows no steps."""

_RECORD = """\
Store raw readings of one meter as lines of JSON, from which energy can be computed again, here or elsewhere
(--replay FILE)."""


def add_meter_verbs(verbs: "Verbs") -> None:
    """Add `meters` with its own verbs."""
    parser = verbs.add_parser("meters", help="list and probe what measures energy", description=_DESCRIPTION)
    _add_site(parser)
    parser.set_defaults(run=_list)
    own = parser.add_subparsers(title="verbs", metavar="VERB")
    probing = _add(own, "probe", _probe, "measure how often each changes, and by what steps", _PROBE)
    recording = _add(own, "record", _record, "store raw readings of one", _RECORD)
    recording.add_argument("file", type=Path, metavar="FILE", help="is replaced")
    recording.add_argument("--meter", metavar="NAME", help="as mltest-agent meters lists it (default: the first)")
    for one in (probing, recording):
        one.add_argument(
            "--seconds", type=_seconds, default=2.0, metavar="N", help="how long at least (default: %(default)s)"
        )


def _add(
    verbs: "Verbs", name: str, run: Callable[[argparse.Namespace], int], text: str, description: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=description)
    _add_site(parser)
    parser.set_defaults(run=run)
    return parser


def _add_site(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", action="store_true", help="the same as data")
    add(
        "--plug",
        action="append",
        default=[],
        metavar="KIND=ADDRESS",
        help="a plug on the local network: shelly=HOST or tasmota=HOST; may be repeated (besides $MLTEST_PLUGS)",
    )
    add("--replay", action="append", default=[], type=Path, metavar="FILE", help="a recording as a meter")
    add("--simulated", type=float, metavar="WATTS", help="a meter that only pretends, for trying things out")
    add("--root", type=Path, default=Path("/"), metavar="DIR", help="where /sys and /proc are (default: /)")


def _list(options: argparse.Namespace) -> int:
    from mltest.agent.host.emulation import read_emulator
    from mltest.agent.meters.listing import meters_data, meters_text
    from mltest.agent.meters.registry import discovered

    found, emulator = discovered(_site(options)), read_emulator(options.root.absolute(), os.uname().machine)
    print(json.dumps(meters_data(found, emulator), indent=2) if options.json else meters_text(found, emulator))
    return 0


def _probe(options: argparse.Namespace) -> int:
    from mltest.agent.meters.probing import polled, probe_pause_s, probe_span_s, probed, probed_text
    from mltest.shared.jsonable import to_jsonable

    found = []
    for meter in _meters(options):
        meter.open()
        try:
            readings = polled(meter, probe_span_s(meter.spec, options.seconds), probe_pause_s(meter.spec))
        finally:
            meter.close()
        found.append(probed(meter.spec, readings))
    print(json.dumps(to_jsonable(found), indent=2) if options.json else "\n\n".join(map(probed_text, found)))
    return 0


def _record(options: argparse.Namespace) -> int:
    from mltest.agent.meters.recorder import Recorder
    from mltest.shared.energy.recording import Recording, recording_to_lines

    meters = _meters(options)
    meter = next((one for one in meters if options.meter in (None, one.spec.meter)), None)
    if meter is None:
        raise _none(f"there is no meter {options.meter}, but {', '.join(one.spec.meter for one in meters)}")
    with Recorder(meter, meter.spec.poll_s) as recorder:
        recorder.mark()
        time.sleep(options.seconds)
        recorder.mark()
    readings = recorder.readings
    lines = recording_to_lines(Recording(meter.spec, readings))
    options.file.write_text("".join(f"{line}\n" for line in lines))
    print(f"{len(readings)} readings of {meter.spec.meter} are in {options.file}")
    return 0


def _meters(options: argparse.Namespace) -> "tuple[Meter, ...]":
    from mltest.agent.meters.registry import discovered

    found = discovered(_site(options))
    if not found.meters:
        raise _none("there is none that can be used")
    return found.meters


def _none(detail: str) -> Exception:
    from mltest.shared.errors import RequestInvalidError

    return RequestInvalidError(detail=detail, next_step="mltest-agent meters lists what there is, and why not")


def _site(options: argparse.Namespace) -> "MeterSite":
    from mltest.agent.meters.role import MeterSite, plugs_of_variable

    return MeterSite(
        root=options.root.absolute(),
        plugs=tuple(dict.fromkeys([*options.plug, *plugs_of_variable(os.environ)])),
        recordings=tuple(options.replay),
        simulated_w=options.simulated,
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 3600")
    return seconds
