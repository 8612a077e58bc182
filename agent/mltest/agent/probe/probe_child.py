"""The child that looks at the machine, so that the agent never has to."""

from pathlib import Path

from mltest.agent.host.compilers import read_compilers
from mltest.agent.host.machine import read_host
from mltest.agent.meters.listing import meter_infos
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import MeterSite
from mltest.agent.runtimes.registry import runtimes
from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.jsonable import to_jsonable
from mltest.shared.protocol import software_version


def probe_host(frame: Frame) -> Frame:
    """Describe the machine, and name the runtimes to be probed."""
    host = read_host()
    site = MeterSite(root=Path(frame["root"]), plugs=tuple(frame["plugs"]), simulated_w=frame["simulated_w"])
    return {
        "software_version": software_version(),
        "host": to_jsonable(host),
        "compilers": to_jsonable(read_compilers()),
        "meters": to_jsonable(meter_infos(discovered(site), host.emulator)),
        "runtimes": [{"name": name, "formats": list(known.needs.formats)} for name, known in runtimes().items()],
    }


if __name__ == "__main__":
    serve({"host": probe_host})
