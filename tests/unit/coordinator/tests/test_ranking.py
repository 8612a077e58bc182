"""Propensity-weighted ranking: the source's estimate on a simulated log whose truth is known, and data that lack it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mltest.coordinator.builder.dataset import read_data
from mltest.coordinator.builder.judging.measures.ranking_measures import ranks_in_queries
from mltest.coordinator.builder.ranking_data import Ranking
from mltest.coordinator.tests.ranking import PropensityRanking
from mltest.shared.errors import DataInvalidError
from tests.unit.coordinator.predictions import value_of, valued


def test_ranks_are_by_query_and_equal_scores_share_theirs() -> None:
    scores = np.array([1.0, 3.0, 3.0, 0.5, 9.0, 1.0])
    queries = np.array([0, 0, 0, 0, 1, 1])
    assert ranks_in_queries(scores, queries).tolist() == [3.0, 1.5, 1.5, 4.0, 1.0, 2.0]


def test_figures_of_a_small_log_are_those_by_hand() -> None:
    # Query 0: the clicked row is ranked 2 and was looked at in one of four cases; query 1: ranked 1, always looked at.
    log = Ranking(
        clicks=np.array([0.0, 1.0, 1.0, 0.0]),
        propensities=np.array([1.0, 0.25, 1.0, 0.25]),
        queries=np.array([0, 0, 1, 1]),
    )
    results = PropensityRanking().results(replace(valued([2.0, 1.0, 5.0, 4.0]), ranking=log))
    assert value_of(results, "ips_rank") == (2 / 0.25 + 1) / 2
    assert value_of(results, "ips_dcg") == pytest.approx((4 / np.log2(3) + 1) / 2)
    assert value_of(results, "weighted_rank") == (4 * 2 + 1) / 5
    assert value_of(results, "clicked_rank") == 1.5
    assert value_of(results, "effective_sample_size") == 25 / 17


def test_clicks_of_users_who_seldom_look_far_down_are_weighted_to_the_truth() -> None:
    random = np.random.default_rng(0)
    query_count, size = 4000, 10
    queries = np.repeat(np.arange(query_count), size)
    scores, relevant = random.normal(size=query_count * size), random.random(query_count * size) < 0.2
    shown = ranks_in_queries(random.normal(size=len(queries)) + 0.5 * scores, queries)
    propensities = 1 / shown
    clicks = (relevant & (random.random(len(queries)) < propensities)).astype(float)
    log = Ranking(clicks=clicks, propensities=propensities, queries=queries)
    truth = float((ranks_in_queries(scores, queries) * relevant).sum() / query_count)
    results = PropensityRanking(resamples=200).results(replace(valued(scores), ranking=log))
    (found,) = (one for one in results if one.metric == "ips_rank")
    assert found.low is not None
    assert found.high is not None
    assert found.low < truth < found.high
    naive = float((ranks_in_queries(scores, queries) * clicks).sum() / query_count)
    assert naive < 0.6 * truth
    assert (value_of(results, "effective_sample_size") or 0) < clicks.sum()


def test_without_a_log_or_a_score_it_says_why() -> None:
    (found,) = PropensityRanking().results(valued([1.0, 2.0]))
    assert found.value is None
    assert "clicks, propensities and queries" in found.reason


def test_a_log_is_read_from_arrays_and_from_columns_and_is_no_feature(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz",
        X=np.eye(3),
        y=[1, 2, 3],
        clicks=[0, 1, 0],
        propensities=[1, 0.5, 1],
        queries=["a", "b", "a"],
    )
    found = read_data(["a.npz"], [tmp_path / "a.npz"], "")
    assert found.ranking is not None
    assert found.ranking.queries.tolist() == [0, 1, 0]
    (tmp_path / "a.csv").write_text("f,clicks,propensities,queries,y\n1,0,1,7,3\n2,1,0.5,8,4\n")
    table = read_data(["a.csv"], [tmp_path / "a.csv"], "y")
    assert table.columns == ("f",)
    assert table.ranking is not None
    assert table.ranking.propensities.tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("clicks", "propensities", "said"),
    [([0, 2], [1, 1], "0 or 1"), ([0, 1], [1, 0], "above 0"), ([0], [1, 1], "shape")],
)
def test_a_log_that_makes_no_sense_is_refused(
    tmp_path: Path, clicks: list[int], propensities: list[float], said: str
) -> None:
    np.savez(tmp_path / "a.npz", X=np.eye(2), clicks=clicks, propensities=propensities, queries=[1, 1])
    with pytest.raises(DataInvalidError, match=said):
        read_data(["a.npz"], [tmp_path / "a.npz"], "")
