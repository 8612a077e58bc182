"""Which system calls a confined child may not make. Pure.

A denied call fails as if the user had no right to it. It never ends the process: that would look like a crash of the
model, and libraries that only try a call would die of it.
"""

from dataclasses import dataclass
from errno import ENOMEM, ENOSYS, EPERM

from mltest.shared.sandbox.limits import Confinement

_OTHER_PROCESSES = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal"),
    *("process_madvise", "process_mrelease", "migrate_pages", "move_pages", "tkill", "perf_event_open"),
)
_NETWORK = ("socket", "connect", "bind", "listen", "accept", "accept4")
_KERNEL = (
    *("bpf", "userfaultfd", "keyctl", "add_key", "request_key", "init_module", "finit_module", "delete_module"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "kexec_load", "kexec_file_load", "reboot", "syslog"),
    *("modify_ldt", "lookup_dcookie", "nfsservctl", "uselib", "personality", "lsm_set_self_attr", "iopl", "ioperm"),
)
_FILE_SYSTEMS = (
    *("mount", "umount2", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "pivot_root", "chroot", "unshare", "setns", "swapon", "swapoff", "acct", "quotactl"),
    *("quotactl_fd", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "mknod", "mknodat", "truncate"),
)
_MACHINE = ("sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "vhangup")
_SHARED_MEMORY = (
    *("shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semctl"),
    *("semtimedop", "mq_open", "mq_unlink", "memfd_create", "memfd_secret"),
)
_ESCAPING = ("setsid", "setpgid")
_OWNERSHIP = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr"),
    *("fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    *("utime", "utimes", "futimesat", "utimensat"),
)
"""Which Landlock does not look at."""
_SCHEDULING = ("scheduler", "param", "attr")
_PROGRAMS = ("fork", "vfork", "execve", "execveat")

_ALWAYS = (
    *(*_OTHER_PROCESSES, *_NETWORK, *_KERNEL, *_FILE_SYSTEMS, *_MACHINE, *_SHARED_MEMORY, *_ESCAPING),
    *("rt_sigqueueinfo",),
)

_OF_GPU = ("memfd_create",)
"""What the driver of NVIDIA does in cuInit. Source: NVIDIA/OpenShell, issue 1696."""

_CLONE_THREAD = 0x00010000
_CLONE_NEW_NAMESPACES = 0x7E020080
"""NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_MAP_SHARED_ANONYMOUS = 0x21
_O_TRUNC, _O_ACCMODE = 0o1000, 0o3
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PR_SET_PDEATHSIG, _PR_SET_PTRACER = 1, 0x59616D61


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a call is denied, and as what.

    Without `argument`: always. Otherwise if the lower 32 bits of that argument, and `mask`, are one of `values`; with
    `allows` if they are none of them.
    """

    call: str
    errno: int = EPERM
    argument: int | None = None
    mask: int = 0xFFFFFFFF
    values: tuple[int, ...] = ()
    allows: bool = False


def rules_for(confinement: Confinement, pid: int, *, uses_gpu: bool = False) -> tuple[Rule, ...]:
    """Return the rules for a process with id `pid`; one that uses a GPU may make what its driver needs."""
    rules = [Rule(call=name) for name in _ALWAYS if not (uses_gpu and name in _OF_GPU)]
    rules += [
        # Their arguments lie in memory, where a filter cannot look; the C library then uses the older call.
        Rule(call="clone3", errno=ENOSYS),
        Rule(call="openat2", errno=ENOSYS),
        # Truncating what may only be read: Landlock looks at that since its version 3.
        Rule(call="open", argument=1, mask=_O_TRUNC | _O_ACCMODE, values=(_O_TRUNC,)),
        Rule(call="openat", argument=2, mask=_O_TRUNC | _O_ACCMODE, values=(_O_TRUNC,)),
        # Shared memory is not counted by RLIMIT_DATA.
        Rule(call="mmap", errno=ENOMEM, argument=3, mask=_MAP_SHARED_ANONYMOUS, values=(_MAP_SHARED_ANONYMOUS,)),
        Rule(call="ioctl", argument=1, values=(_TIOCSTI, _TIOCLINUX)),
        Rule(call="prctl", argument=0, values=(_PR_SET_PDEATHSIG, _PR_SET_PTRACER)),
        Rule(call="setpriority", argument=1, values=(0, pid), allows=True),
        Rule(call="ioprio_set", argument=1, values=(0, pid), allows=True),
        *(Rule(call=f"sched_set{what}", argument=0, values=(0, pid), allows=True) for what in _SCHEDULING),
        *(_of_model(pid) if confinement is Confinement.MODEL else _of_compiler()),
    ]
    return tuple(rules)


def _of_model(pid: int) -> list[Rule]:
    return [
        *(Rule(call=name) for name in (*_OWNERSHIP, *_PROGRAMS)),
        Rule(call="clone", argument=0, mask=_CLONE_THREAD, values=(0,)),
        Rule(call="kill", argument=0, values=(0, pid), allows=True),
        Rule(call="tgkill", argument=0, values=(pid,), allows=True),
        Rule(call="rt_tgsigqueueinfo", argument=0, values=(pid,), allows=True),
        Rule(call="prlimit64", argument=0, values=(0, pid), allows=True),
    ]


def _of_compiler() -> list[Rule]:
    return [Rule(call="clone", argument=0, mask=_CLONE_NEW_NAMESPACES, values=(0,), allows=True)]
