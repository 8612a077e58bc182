"""What an idle agent costs: memory, CPU, and the time until it listens."""

import tempfile
import time
from pathlib import Path

from bench.agents import Agent, running_agent
from bench.figures import Figure, median, publish

STARTS = 5
IDLE_S = 30.0


def main() -> None:
    """Start an agent several times, and watch the last one while it does nothing."""
    listening_s = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(STARTS):
            with running_agent(Path(folder) / str(number)) as agent:
                listening_s.append(agent.listening_s)
                if number == STARTS - 1:
                    figures = _idle(agent)
    start = Figure(
        name="listening_s",
        value=median(listening_s),
        meaning=f"start to listening, median of {STARTS}",
        target="<= 0.5",
    )
    publish("idle", [*figures, start])


def _idle(agent: Agent) -> list[Figure]:
    before = sum(agent.process.cpu_times()[:2])
    time.sleep(IDLE_S)
    busy_s = sum(agent.process.cpu_times()[:2]) - before
    memory = agent.process.memory_full_info()
    return [
        Figure(name="rss_bytes", value=memory.rss, meaning="resident memory", target="<= 45e6"),
        Figure(name="pss_bytes", value=memory.pss, meaning="its share, with what others map too divided among them"),
        Figure(name="cpu_ratio", value=busy_s / IDLE_S, meaning=f"of one core, over {IDLE_S:g} s", target="<= 0.001"),
    ]


if __name__ == "__main__":
    main()
