"""Speed checks in a store: the first one before a job stays, the last one after it counts."""

from pathlib import Path

from mltest.coordinator.store import Store
from mltest.shared.domain import SpeedCheck, SpeedProcess
from tests.contract.stored import add_job


def check(ns: int) -> SpeedCheck:
    return SpeedCheck(work="c 1", checked_unix_ns=ns, processes=(SpeedProcess(cpu=0, part_ns={"memory": ns}),))


def test_checks_survive_and_belong_to_job_and_agent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    job_id, other = add_job(store), add_job(store, "job2")
    store.speed.put(job_id, "a", check(1), is_after=False)
    store.speed.put(job_id, "a", check(2), is_after=False)
    store.speed.put(job_id, "a", check(3), is_after=True)
    store.speed.put(job_id, "a", check(4), is_after=True)
    store.speed.put(job_id, "b", check(5), is_after=False)
    store.close()

    found = Store(tmp_path).speed.of_job(job_id)
    assert (found["a"].before, found["a"].after) == (check(1), check(4))
    assert (found["b"].before, found["b"].after) == (check(5), None)
    assert Store(tmp_path).speed.of_job(other) == {}
