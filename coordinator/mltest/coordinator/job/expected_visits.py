"""How many visits of a running job are known to come, besides those that are stored: the rounds of energy."""

from mltest.coordinator.job.fitting_meters import fitting_meters
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.store import Store
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.energy import Energy, energy_test
from mltest.coordinator.tests.registry import sample_tests
from mltest.shared.domain import JobInfo, JobState


def expected_visits(store: Store, job: JobInfo) -> int:
    """Return how many rounds of energy are not planned yet on the agents that take part; 0 unless `job` is running.

    They are planned one after the other, so that without this a job would look done before each of them.
    """
    energy = energy_of(job) if job.state is JobState.RUNNING else None
    if energy is None:
        return 0
    agents = store.outcomes.participants(job.job_id)
    planned = store.visits.energy_visit_counts(job.job_id)
    spec = energy.energy_spec()
    return sum(
        max(0, energy.rounds - planned.get(agent.agent_id, 0)) for agent in agents if fitting_meters(agent, spec)
    )


def energy_of(job: JobInfo) -> Energy | None:
    """Return the test of energy of a job whose model was read; None if there is none."""
    if job.model is None or job.dataset is None:
        return None
    plan = parse_plan(job.spec.plan_toml)
    return energy_test(sample_tests(chosen_tests(plan, job.model, has_target=job.dataset.has_target)))
