"""What hostile pickles do when they are opened: one program each. Every one is harmless if nothing stops it."""

import pickle
from dataclasses import dataclass
from pathlib import Path


class _RunsOnLoad:
    def __init__(self, program: str) -> None:
        self._program = program

    def __reduce__(self) -> tuple[object, tuple[str, dict[str, object]]]:
        return exec, (self._program, {})


@dataclass(frozen=True, slots=True)
class Target:
    """What must stay as it is."""

    folder: Path
    """Outside of everything that a child may touch."""
    port: int
    """Of a TCP listener that nobody may reach."""

    @property
    def secret(self) -> Path:
        """A key, as in ~/.ssh."""
        return self.folder / "id_ed25519"

    @property
    def canary(self) -> Path:
        """A file that would be made."""
        return self.folder / "canary"


SECRET = "a private key that nobody may read"

GADGETS = {
    "os.system": "import os; os.system('touch {canary}')",
    "open and write": "open('{canary}', 'w').write('x')",
    "append to a key": "open('{secret}', 'a').write('x')",
    "read a key": "raise ValueError(open('{secret}').read())",
    "read the environment of the parent": "import os; raise ValueError(open(f'/proc/{{os.getppid()}}/environ').read())",
    "connect": "import socket; socket.create_connection(('127.0.0.1', {port}), 5).send(b'x')",
    "send datagrams": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "daemon": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.execve('/bin/sleep', ['sleep', '300'], {{}})\n"
        "    os._exit(0)"
    ),
    "subprocess without a trace": (
        "import subprocess; subprocess.Popen(['/bin/sleep', '300'], env={{}}, start_new_session=True)"
    ),
    "fork bomb": (
        "import os\n"
        "for _ in range(200):\n"
        "    if os.fork() == 0:\n"
        "        import signal; signal.alarm(20); signal.pause()"
    ),
    "kill the parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "trace the parent": (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.ptrace(0x4206, os.getppid(), 0, 0) != 0:\n"
        "    raise PermissionError(ctypes.get_errno(), 'ptrace')"
    ),
    "outlive the parent": (
        "import ctypes\nif ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) != 0:\n    raise PermissionError(1, 'prctl')"
    ),
    "io_uring": (
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.syscall(425, 8, ctypes.create_string_buffer(512)) < 0:\n"
        "    raise PermissionError(ctypes.get_errno(), 'io_uring')"
    ),
    "mount": (
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) != 0:\n"
        "    raise PermissionError(ctypes.get_errno(), 'mount')"
    ),
    "a way out through a link": (
        "import os\nos.symlink('{secret}', 'predictions.npz')\nraise ValueError(open('predictions.npz').read())"
    ),
    "write into the interpreter": "import os; open(os.__file__, 'a').write('x')",
    "truncate a library": "import os; os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)",
}
"""What is stopped because a model may compute and nothing else."""

BOMBS = {
    "one block": "x = bytearray(1 << 40)",
    "growing": "x = []\nwhile True: x.append(bytearray(1 << 24))",
    "shared memory": (
        "import mmap\nx = []\nwhile True: x.append(mmap.mmap(-1, 1 << 24, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS))"
    ),
    "threads": (
        "import threading\nwait = threading.Event()\n"
        "while True: threading.Thread(target=wait.wait, daemon=True).start()"
    ),
    "file": ("with open('large', 'wb', buffering=0) as stream:\n    stream.seek(1 << 40)\n    stream.write(b'x')"),
}
"""What is stopped by a limit."""

ENDLESS = "while True: pass"
CRASH = "import ctypes; ctypes.string_at(0)"
FLOOD = "import os\nfor _ in range(3000): os.write(2, b'x' * 65536)\nos.abort()"


def write_hostile(path: Path, program: str, target: Target) -> Path:
    """Write a pickle that runs `program`, in which the names of `target` are filled in."""
    text = program.format(canary=target.canary, secret=target.secret, port=target.port)
    path.write_bytes(pickle.dumps(_RunsOnLoad(text)))
    return path
