"""One process of a speed check, run as a script in a bare interpreter: its argument is a JSON object.

It says where modules are ("path"), the compiled library ("library", empty for the work in Python), the processor to run
on ("cpu") and how often each part is done ("count"). The times of all parts, in ns, go to standard output as JSON.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Do the parts in turn, so that whatever disturbs the machine meets them alike."""
    asked = json.loads(sys.argv[1])
    sys.path[:] = asked["path"]
    os.sched_setaffinity(0, {asked["cpu"]})
    from mltest.agent.speed.parts import parts_in_c, parts_in_python

    parts = parts_in_c(Path(asked["library"])) if asked["library"] else parts_in_python()
    times_ns: dict[str, list[int]] = {name: [] for name in parts}
    for once in parts.values():
        once()
    for _ in range(asked["count"]):
        for name, once in parts.items():
            times_ns[name].append(once())
    print(json.dumps(times_ns))  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    main()
