"""The same people at work, polled through every vendor at once: each stream is true, and all of them agree."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from streamer.simulator import APIS
from streamer.simulator.eight_by_eight import ACTIVITIES
from streamer.sources.registry import SOURCES
from tests.oracle import Verdict, judge
from tests.oracle.vendors import READINGS
from tests.support.agreement import Comparison, Moment, Streams
from tests.support.programs import Samples
from tests.support.trial import CACHED_FOR, SCALE, Trial, TrialSettings, kafka_place, leaks, new_dice, pause

STATES = {
    "never_logged_in": "logged_out",
    "logged_out": "logged_out",
    "logged_in": "not_ready",
    "on_break": "not_ready",
    "work_offline": "not_ready",
    "available": "ready",
    "offered": "busy",
    "on_call": "busy",
    "busy": "busy",
    "direct_call": "busy",
    "on_email": "busy",
    "wrap_up": "working_after_call",
}
"""What all vendors must tell of what an agent does. All of it must have been compared."""


@dataclass(frozen=True, kw_only=True)
class Played:
    """A trial that is over: the oracle's words, the events, how the vendors compare, and what else there was to see."""

    verdict: Verdict
    events: Sequence[Mapping[str, Any]]
    comparison: Comparison
    samples: Samples
    manners: Mapping[str, int]
    leaked: set[tuple[str, str]]


@pytest.fixture(scope="module")
def played(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Sixty people of one simulated tenant, polled twice a second through each vendor as a tenant of its own."""
    seed = new_dice().randrange(10_000)
    settings = TrialSettings(tenants=1, sources=tuple(SOURCES), agents=60, speed=12, churn=0.02, seed=seed)
    place = kafka_place(kafka, f"t{secrets.token_hex(6)}-")
    moments: list[Moment] = []
    with Trial(place, tmp_path_factory.mktemp("vendors"), settings) as trial:
        trial.start()
        trial.wait_for_polls(1)
        pause(20 * SCALE, meanwhile=lambda: moments.append(last_polls(trial)))
        everything_happens(trial)
        trial.settle()
        pause(2, meanwhile=lambda: moments.append(last_polls(trial)))
        samples, metrics = trial.service.samples(), trial.service.get("/metrics")[1]
        page, manners = trial.service.get("/")[1], trial.simulator.stats()["manners"]
        assert trial.service.stop() == 0, trial.service.log_tail()
        evidence = trial.evidence(settled=trial.tenants)
        events = [json.loads(message.value or b"") for message in evidence.events]
        said = {"log": trial.service.log(), "out": trial.service.output(), "metrics": metrics, "page": page}
        streams = Streams(trial.polled, trial.simulator.truth(), events)
        yield Played(
            verdict=judge(evidence),
            events=events,
            comparison=streams.compare(moments, age=round(CACHED_FOR * 1000) + 1000),
            samples=samples,
            manners=manners,
            leaked=leaks(trial, said),
        )


def everything_happens(trial: Trial) -> None:
    """Let nothing more happen but that for each status some agent enters it, unless they are in it."""
    trial.simulator.freeze()
    tenant, last = trial.polled[0].vendor_tenant, {}
    for line in trial.simulator.truth():
        if "agent" in line:
            last[line["agent"]] = line
    listed = [agent for agent, line in last.items() if line["present"]]
    for agent, code in zip(listed, ACTIVITIES, strict=False):
        if last[agent]["status"]["agent-status"] != code:
            trial.simulator.set(tenant, agent, {"agent-status": code, "agent-sub-status": "none"})


def last_polls(trial: Trial) -> Moment:
    """Return when each tenant's last good poll had ended."""
    samples, name = trial.service.samples(), "streamer_poll_last_success_timestamp_seconds"
    return {tenant: round(samples.total(name, tenant=tenant) * 1000) for tenant in trial.tenants}


def test_every_source_is_simulated_and_judged() -> None:
    """None of them is left out of what follows."""
    assert SOURCES.keys() == APIS.keys() == READINGS.keys()


@pytest.mark.timeout(120 * SCALE)
def test_the_stream_of_every_vendor_is_true(played: Played) -> None:
    """The oracle has nothing to say of any of them."""
    changes = Counter(event["source"] for event in played.events if event["change"] == "changed")
    late = Counter(event["source"] for event in played.events if event["late"])
    print(f"{played.verdict}\nchanges {dict(changes)}, late {dict(late)}")  # noqa: T201 - the figures
    assert not played.verdict.violations, played.verdict
    assert changes.keys() == SOURCES.keys()
    assert min(changes.values()) > 10


@pytest.mark.timeout(120 * SCALE)
def test_every_poll_of_every_vendor_is_good(played: Played) -> None:
    """No outcome but `ok`, good manners, and no status that has no meaning."""
    for source in SOURCES:
        polls, good, late = (
            played.samples.total("streamer_polls_total", source=source, **outcome)
            for outcome in ({}, {"outcome": "ok"}, {"outcome": "timeout"})
        )
        assert polls == good + late  # the timeout is the interval: half a second
        assert good > max(10, 4 * late)
    assert set(played.manners.values()) == {0}
    unknown = {event["source"] for event in played.events if (event["current"] or {}).get("state") == "unknown"}
    assert unknown <= {"8x8-agent-status"}, "only that API tells who never logged in, which is no state of CSTA's"


@pytest.mark.timeout(120 * SCALE)
def test_all_vendors_agree_wherever_they_can_be_compared(played: Played) -> None:
    """Of who did one thing while all were polled within a second, every stream tells the same canonical state."""
    agreed, differed = played.comparison.agreed, played.comparison.differed
    print(f"agreed {dict(agreed)}, differed {len(differed)}: {differed[:5]}")  # noqa: T201 - the figures
    assert not differed
    assert agreed.keys() == set(STATES.items())
    assert agreed.total() > 100


@pytest.mark.timeout(120 * SCALE)
def test_nothing_private_of_any_vendor_is_said(played: Played) -> None:
    """No password, no id and no name in log, metrics and page."""
    assert not played.leaked
