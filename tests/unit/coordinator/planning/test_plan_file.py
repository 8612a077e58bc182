"""Plans as TOML: what is valid, and how every mistake is named."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mltest.coordinator.planning.figure_names import parse_bound, parse_figure
from mltest.coordinator.planning.plan import Bound, Objective, Plan
from mltest.coordinator.planning.plan import TestChoice as Choice
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import default_plan_toml, plan_toml
from mltest.coordinator.tests.registry import registered_tests
from mltest.shared.errors import PlanInvalidError

LATENCY = Choice(
    module="mltest.coordinator.tests.latency", class_name="Latency", params={"batch_sizes": [1, 8], "slice_s": 0.01}
)


def test_an_empty_plan_is_the_default() -> None:
    assert parse_plan("") == Plan()


def test_the_printed_plan_is_the_default_and_names_every_test() -> None:
    text = default_plan_toml()

    assert parse_plan(text) == Plan()
    for found in registered_tests():
        assert f'class = "{found.__name__}"' in text


def test_the_tests_of_the_printed_plan_can_be_chosen_by_removing_the_comment_signs() -> None:
    head, _, tests = default_plan_toml().partition("# Tests:")
    uncommented = "\n".join(line.removeprefix("#").strip() for line in tests.splitlines()[1:])

    assert len(parse_plan(head + uncommented).tests) == len(registered_tests())


def test_every_key_reaches_its_field() -> None:
    plan = parse_plan(
        """
        [job]
        rounds = 7
        row_cap = 5
        load_timeout_s = 3
        [candidates]
        runtimes = ["onnxruntime"]
        threads = [1, 2]
        [agents]
        names = ["lab-*"]
        tags = ["arm"]
        [objective]
        metric = "throughput_rows_per_s"
        [[limits]]
        metric = "accuracy"
        at_least = 0.95
        [[tests]]
        module = "mltest.coordinator.tests.latency"
        class = "Latency"
        params = { batch_sizes = [1, 8], slice_s = 0.01 }
        """
    )

    assert plan == Plan(
        rounds=7,
        row_cap=5,
        load_timeout_s=3.0,
        runtimes=("onnxruntime",),
        threads=(1, 2),
        agent_names=("lab-*",),
        agent_tags=("arm",),
        objective=Objective(metric="throughput_rows_per_s", statistic="mean", batch_size=128),
        bounds=(Bound(metric="accuracy", at_least=0.95),),
        tests=(LATENCY,),
    )


@given(
    st.builds(
        Plan,
        rounds=st.integers(1, 100),
        seed=st.integers(0, 2**31),
        runtimes=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=3).map(tuple),
        threads=st.lists(st.integers(1, 64), max_size=3).map(tuple),
        load_timeout_s=st.floats(0.001, 1e6),
        bounds=st.lists(
            st.builds(
                Bound,
                metric=st.just("latency_s"),
                statistic=st.sampled_from(["median", "p99"]),
                batch_size=st.integers(0, 512),
                at_most=st.floats(-1e9, 1e9),
            ),
            max_size=2,
        ).map(tuple),
        tests=st.just((LATENCY,)),
    )
)
@example(plan=Plan(agent_names=("left\x7f",)))
def test_a_plan_written_and_read_is_the_same(plan: Plan) -> None:
    assert parse_plan(plan_toml(plan)) == plan


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[job", "it is not TOML"),
        ("[jobs]\nrounds = 1", "unknown key 'jobs'; the nearest valid one is 'job'"),
        ("[job]\nround = 1", "unknown key 'job.round'; the nearest valid one is 'rounds'"),
        ("job = 3", "job has to be a table"),
        ("[job]\nrounds = '3'", "job.rounds has to be a whole number of at least 0, not '3'"),
        ("[job]\nrounds = -1", "job.rounds has to be a whole number of at least 0, not -1"),
        ("[job]\nrounds = true", "job.rounds has to be a whole number of at least 0, not True"),
        ("[job]\nload_timeout_s = nan", "job.load_timeout_s has to be a number of at least 0.001, not nan"),
        ("[candidates]\nthreads = 1", "candidates.threads has to be a list of whole numbers of at least 1, not 1"),
        ("[candidates]\nthreads = [0]", "candidates.threads has to be a list of whole numbers of at least 1, not 0"),
        ("[objective]\nmetric = 'latency'", "objective.metric: there is no metric 'latency'"),
        ("[objective]\nstatistic = 'median'", "objective needs a metric"),
        ("[limits]\nmetric = 'r2'", "limits has to be a list of tables: write [[limits]]"),
        ("[[limits]]\nmetric = 'acuracy'\nat_least = 1", "limits[0].metric: there is no metric 'acuracy'"),
        ("[[limits]]\nmetric = 'accuracy'", "limits[0] needs at_least or at_most"),
        (
            "[[limits]]\nmetric = 'accuracy'\nstatistic = 'medan'\nat_least = 1",
            "limits[0].statistic: there is no statistic 'medan'; the nearest valid one is 'median'",
        ),
        ("[[tests]]\nclass = 'Latency'", "tests[0].module has to be a text"),
        (
            "[[tests]]\nmodule = 'mltest.coordinator.tests.latency'\nclass = 'Latncy'",
            "tests[0]: mltest.coordinator.tests.latency has no test 'Latncy'; the nearest valid one is 'Latency'",
        ),
        (
            "[[tests]]\nmodule = 'mltest.coordinator.tests.latency'\nclass = 'Latency'\nparams = { batch_size = [1] }",
            "tests[0]: Latency has no parameter 'batch_size'; the nearest valid one is 'batch_sizes'",
        ),
        (
            "[[tests]]\nmodule = 'mltest.coordinator.tests.latency'\nclass = 'Latency'\nparams = { batch_sizes = [0] }",
            "tests[0]: Latency: batch_sizes needs at least one size",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_valid(text: str, message: str) -> None:
    with pytest.raises(PlanInvalidError) as refused:
        parse_plan(text)

    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("latency", Objective(metric="latency_s", statistic="median", batch_size=1)),
        ("latency.p99@32", Objective(metric="latency_s", statistic="p99", batch_size=32)),
        ("throughput", Objective(metric="throughput_rows_per_s", statistic="mean", batch_size=128)),
        ("memory", Objective(metric="memory_peak_bytes", statistic="median", batch_size=0)),
        ("size", Objective(metric="artifact_bytes", statistic="value", batch_size=0)),
        ("precision.macro", Objective(metric="precision", statistic="macro", batch_size=0)),
    ],
)
def test_a_figure_is_named_shortly(text: str, objective: Objective) -> None:
    assert parse_figure(text) == objective


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("accuracy>=0.95", Bound(metric="accuracy", at_least=0.95)),
        ("accuracy >= 95%", Bound(metric="accuracy", at_least=0.95)),
        ("latency<=2ms", Bound(metric="latency_s", statistic="median", batch_size=1, at_most=0.002)),
        ("memory<=200MB", Bound(metric="memory_peak_bytes", statistic="median", at_most=2e8)),
    ],
)
def test_a_limit_is_named_shortly(text: str, bound: Bound) -> None:
    assert parse_bound(text) == bound


@pytest.mark.parametrize("text", ["accuracy", "accuracy=0.9", "accuracy>0.9", "acuracy>=1", "latency<=2MB", "r2>=high"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(PlanInvalidError):
        parse_bound(text)
