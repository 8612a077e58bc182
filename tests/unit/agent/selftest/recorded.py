"""Windows of rounds with known truth, made without measuring anything."""

import random

from mltest.agent.selftest.recording import RoundRecord, Window, windows_of

SLICES = 24


def record(
    window: int, round_index: int, truths: dict[str, float], *, spread: float, seed: int = 0, subject: str = "m/r"
) -> RoundRecord:
    """One round: every candidate takes 1000 ns times its truth, times what its process and its slices add."""
    generator = random.Random(f"{seed} {subject} {window} {round_index}")
    times: dict[str, list[float | None]] = {}
    for name, truth in truths.items():
        process = generator.lognormvariate(0, spread)
        times[name] = [1000 * truth * process * generator.lognormvariate(0, spread) for _ in range(SLICES)]
    return RoundRecord(
        purpose="comparison",
        subject=subject,
        batch_size=16,
        window=window,
        round_index=round_index,
        truths=dict(truths),
        bases={name: "s0" for name in truths if name in ("s5", "s10")},
        times_ns=times,
    )


def records(windows: int, rounds: int, truths: dict[str, float], *, spread: float, seed: int = 0) -> list[RoundRecord]:
    return [
        record(window, index, truths, spread=spread, seed=seed) for window in range(windows) for index in range(rounds)
    ]


def one_window(rounds: int, truths: dict[str, float], *, spread: float, seed: int = 0) -> Window:
    (window,) = windows_of(records(1, rounds, truths, spread=spread, seed=seed), "comparison")
    return window


SIX = {f"a{number}": 1.0 for number in range(1, 7)}
WITH_SLOWED = {**SIX, "s0": 1.0, "s5": 1.05, "s10": 1.10}
