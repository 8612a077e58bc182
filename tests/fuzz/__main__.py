"""python -m tests.fuzz SECONDS: runs every target for so long, each in a process of its own, and fails if one fails.

A fuzzer ends its process when it finds something; what it found is written below build/fuzz and named.
"""

import subprocess
import sys
from pathlib import Path

_FOLDER = Path("build") / "fuzz"
_LIMITS = ("-max_len=4096", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1")


def main(seconds: int) -> int:
    """Run all targets; the status is 1 if one of them failed."""
    from tests.fuzz.targets import TARGETS

    failed = [name for name in TARGETS if not _is_clean(name, seconds)]
    sys.stdout.write(f"fuzz: {len(TARGETS) - len(failed)} targets clean, failed: {', '.join(failed) or 'none'}\n")
    return 1 if failed else 0


def fuzz(name: str, options: list[str]) -> None:
    """Fuzz one target in this process, until the fuzzer ends it."""
    import atheris

    # The fuzzer follows what is imported here.
    with atheris.instrument_imports(include=["mltest", "tests.fuzz.targets", "zeroconf", "tomllib", "json"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


def _is_clean(name: str, seconds: int) -> bool:
    from tests.fuzz.seeds import SEEDS

    corpus = _FOLDER / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={_FOLDER / name}/", *_LIMITS]
    command = [sys.executable, "-m", "tests.fuzz", name, str(corpus), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    sys.stdout.write(f"{name}: {'clean' if done.returncode == 0 else 'FAILED'} {' '.join(runs)}\n")
    sys.stdout.flush()
    if done.returncode:
        sys.stdout.write(done.stdout[-2000:] + done.stderr[-4000:])
    return done.returncode == 0


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        sys.exit(main(int(sys.argv[1])))
    fuzz(sys.argv[1], sys.argv[2:])
