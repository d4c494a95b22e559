"""Kafka's own troubles: nodes of three go away, single requests are lost; the service recovers and nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.nodes import NodesTrial
from tests.faults.requests import APIS, RequestsTrial
from tests.support.network import Fault, Network

if TYPE_CHECKING:
    from tests.support.cluster import Cluster


@pytest.mark.timeout(600)
def test_a_cluster_that_loses_nodes_costs_time_and_nothing_else(
    own_cluster: Cluster, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """With one of three away it goes on by itself; with two away it says that it is not ready, and recovers."""
    with NodesTrial(own_cluster, topic_prefix, tmp_path, dice) as nodes:
        for fault in ("kill the transaction coordinator", "freeze the leader", "two of three away"):
            print(nodes.play(fault))  # noqa: T201 - pytest shows it where it fails, and with -s
        verdict = nodes.end()
    assert verdict.counts.changes > 20


@pytest.mark.timeout(600)
def test_whichever_request_is_lost_the_stream_is_true(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """One request of each kind that the service sends, lost in one way or another; all ways: `make campaign-requests`."""
    with (
        Network(kafka) as network,
        RequestsTrial(network, kafka, topic_prefix, folder=tmp_path, dice=dice) as requests,
    ):
        for api in APIS:
            print(requests.play((api, dice.choice(list(Fault)))))  # noqa: T201 - pytest shows it where it fails
        verdict = requests.end()
    assert verdict.counts.changes > 20
