"""A language model as a user submits it: measured by an agent in a process of its own, and judged by its text."""

from pathlib import Path

import numpy as np

from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobState
from tests.integration.jobs import ONE_ROUND, all_events, job_spec
from tests.models import ModelFiles
from tests.processes import Running
from tests.unit.coordinator.tests.test_language_quality import LETTERS, TOKENS, bigram, graph

PLAN = f"""{ONE_ROUND}
[[tests]]
module = "mltest.coordinator.tests.language"
class = "LanguageQuality"
"""
LENGTH = 20


async def test_a_job_tells_the_perplexity_of_what_an_agent_says_of_a_text(resident: Running, tmp_path: Path) -> None:
    held_out = TOKENS[len(TOKENS) // 2 :]
    rows = held_out[: len(held_out) // LENGTH * LENGTH].reshape(-1, LENGTH)
    files = ModelFiles(tmp_path / "bigram.onnx", tmp_path / "text.txt")
    files.model.write_bytes(graph(np.log(bigram())))
    files.data.write_text("".join(f"{' '.join(map(str, row))}\n" for row in rows.tolist()))

    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    job_id = await api.submit(await job_spec(api, files, resident.address, plan=PLAN))
    await all_events(api, job_id)
    found = await api.results(job_id)
    await api.close()

    assert found.job.state is JobState.DONE, found.job
    native = next(one.candidate_id for one in found.candidates if one.is_baseline)
    own = {one.metric: one for one in found.results if one.test == "language quality" and one.candidate_id == native}
    likelihoods = np.log(bigram()[rows[:, :-1], rows[:, 1:]])
    perplexity = own["perplexity"].value
    assert perplexity is not None, own
    assert abs(perplexity / np.exp(-likelihoods.mean()) - 1) < 1e-5
    assert perplexity < len(LETTERS) / 2
    assert own["bits_per_token"].value is not None
    assert abs(own["bits_per_token"].value - np.log2(perplexity)) < 1e-5
    assert own["perplexity"].agent_id, "it is of what the agent said"
