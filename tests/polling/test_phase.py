from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.polling.phase import NARROW, PATIENCE, Phase, Sighting, phase_of
from tests.support.cached_vendor import Cached, Frozen, Live, Run, Terms, Vendor, poll

HOUR = 3600.0
phases = st.floats(0, 10)
seeds = st.integers(0, 1000)


def off(phase: Phase, refreshed: float, period: float = 10.0) -> float:
    """Return by how many seconds the proposal misses a refresh; 0 if it lies in the arc."""
    assert phase.proposal is not None
    ahead = (refreshed - phase.proposal.start) % period
    return max(0.0, min(ahead - phase.proposal.length, period - ahead))


def delays(phase: float, terms: Terms, **vendor: float) -> tuple[Run, Run]:
    """Poll the same vendor at the fixed phase and with learning for five hours."""
    fixed, learnt = (poll(Cached([phase], **vendor), terms._replace(cache=cache), until=5 * HOUR) for cache in (0, 10))  # type: ignore[arg-type]
    return fixed, learnt


@given(phases, st.floats(0.01, 0.2), st.floats(0, 0.2), st.sampled_from([2.0, 3.0, 5.0, 7.0, 10.0, 15.0]), seeds)
@example(0.0, 0.125, 0.0, 7.0, 0)
@example(0.0, 0.1875, 0.1875, 2.0, 0)
@settings(max_examples=200)
def test_a_proposal_is_right_and_comes_soon(
    phase: float, latency: float, jitter: float, interval: float, seed: int
) -> None:
    """One cache, refreshed on time: every proposal holds the refresh, and there is one before patience ends."""
    terms = Terms(interval=interval, latency=latency, jitter=jitter, seed=seed)
    run = poll(Cached([phase]), terms, until=3 * PATIENCE * max(interval, 10))
    assert all(off(each, phase) == 0 for each in run.phases if each.proposal)
    assert run.phases[-1].proposal is not None
    assert run.phases[-1].proposal.length <= 10 * NARROW


@given(phases, st.floats(0, 0.09), seeds)
def test_a_little_jitter_of_the_refresh_is_forgiven(phase: float, jitter: float, seed: int) -> None:
    """A refresh is a task of a busy server: it comes some milliseconds early or late."""
    run = poll(Cached([phase], jitter=jitter, seed=seed), Terms(seed=seed), until=HOUR)
    assert run.share > 0.9
    assert all(off(each, phase) < 0.1 for each in run.phases if each.proposal)


@given(seeds, st.floats(0, 0.5), st.sampled_from([1.0, 2.0, 5.0, 10.0, 15.0]))
def test_nothing_is_proposed_for_a_vendor_without_a_cache(seed: int, jitter: float, interval: float) -> None:
    """Answers that differ each time narrow an arc too, but are never confirmed."""
    assert poll(Live(), Terms(interval=interval, jitter=jitter, seed=seed), until=300 * interval).share == 0


@given(seeds, st.sampled_from([2.0, 5.0, 10.0, 15.0]))
def test_nothing_is_proposed_where_the_data_never_changes(seed: int, interval: float) -> None:
    """Nor for a version that tells nothing."""
    assert poll(Frozen(), Terms(interval=interval, seed=seed), until=300 * interval).share == 0


@pytest.mark.parametrize("jitter", [1.5, 5.0])
def test_a_jittery_cache_gets_hardly_any_proposal(jitter: float) -> None:
    """What by luck was confirmed is soon contradicted, and then left alone for ever longer."""
    runs = [
        poll(Cached([number], jitter=jitter, seed=number), Terms(seed=number), until=5 * HOUR) for number in range(6)
    ]
    assert sum(run.share for run in runs) / len(runs) < 0.02


@pytest.mark.parametrize("phase", [0.3, 2.6, 5.1, 7.4, 9.9])
def test_the_delay_is_that_of_the_cache_and_little_more(phase: float) -> None:
    """In the mean half a period until the refresh, and half a second until the poll has seen it; no more requests."""
    fixed, learnt = delays(phase, Terms())
    assert learnt.mean < 5.7
    assert learnt.percentile(0.99) < 13.5
    assert fixed.mean > learnt.mean - 0.4
    assert len(learnt.sent) <= len(fixed.sent)


def test_tenants_at_any_phase_save_half_an_interval_in_the_mean() -> None:
    """A fixed phase costs half the cache's period and half an interval, by chance of the phase less or more."""
    both = [delays(number + 0.0, Terms(seed=number)) for number in range(10)]
    fixed, learnt = (sum(pair[which].mean for pair in both) / 10 for which in (0, 1))
    assert fixed == pytest.approx(10.05, abs=0.3)
    assert learnt == pytest.approx(5.55, abs=0.2)


@pytest.mark.parametrize("period", [9.99, 9.999, 10.001, 10.01])
def test_a_period_that_is_a_little_off_is_found_out(period: float) -> None:
    """A refresh that drifts out of its arc is followed, and the period measured by how far it went."""
    _, learnt = delays(4.2, Terms(), period=period)
    assert learnt.mean < 6
    assert learnt.share > 0.95
    assert learnt.phases[-1].period == pytest.approx(period, abs=0.001)


@pytest.mark.parametrize("later", [0.4, 2.0, 4.3, 7.0, 9.5])
def test_a_restarted_server_is_learnt_anew(later: float) -> None:
    """The old phase is contradicted by a check, or at once; the new one is proposed in the end, the jump forgotten."""
    vendor = Cached([3.3], restart=(HOUR, later))
    run = poll(vendor, Terms(), until=5 * HOUR)
    assert off(run.phases[-1], 3.3 + later) < 0.2
    assert run.mean < 6.5


def test_a_server_that_starts_each_refresh_late_is_kept_up_with() -> None:
    """One that waits ten seconds after a refresh of 50 ms: the worst that is followed, not at every phase."""
    both = [delays(number + 0.0, Terms(seed=number), period=10.05) for number in range(6)]
    fixed, learnt = (sum(pair[which].mean for pair in both) / 6 for which in (0, 1))
    assert fixed > 9.5
    assert learnt < 8.5


@pytest.mark.parametrize(
    "vendor",
    [
        lambda seed: Live(),  # noqa: ARG005
        lambda seed: Cached([seed, seed + 3.7], seed=seed),
        lambda seed: Cached([seed], jitter=0.5, seed=seed),
        lambda seed: Cached([seed], period=10.05, seed=seed),
        lambda seed: Cached([seed], period=9.5, seed=seed),
        lambda seed: Cached([seed], period=12.0, seed=seed),
    ],
    ids=["no cache", "two nodes", "jitter", "drift", "period too short", "period too long"],
)
def test_where_no_phase_shows_no_harm_is_done(vendor: object) -> None:
    """Vain attempts cost a few skipped ticks, ever more rarely: some hundredths of the mean delay."""
    assert callable(vendor)
    means = []
    for cache in (0.0, 10.0):
        made: list[Vendor] = [vendor(seed) for seed in range(6)]
        runs = [poll(each, Terms(cache=cache, seed=seed), until=5 * HOUR) for seed, each in enumerate(made)]
        means.append(sum(run.mean for run in runs) / len(runs))
        assert all(len(run.sent) <= 5 * 360 for run in runs)
    assert means[1] < means[0] * 1.06


def test_failures_are_followed_by_ever_longer_rests() -> None:
    """The first one by none: a server may have been restarted. The last ones leave two attempts a day."""
    rests = []
    run = poll(Live(), Terms(), until=38_000)
    for before, after in zip(run.phases, run.phases[1:], strict=False):
        if after.failures > before.failures:
            rests.append(after.rest)
    assert rests == [0, 60, 240, 960, 3840][: len(rests)]
    assert len(rests) >= 4


def test_polls_that_fail_or_tell_no_version_teach_nothing() -> None:
    """Nor do they break what was learnt."""
    run = poll(Cached([3.3]), Terms(), until=HOUR)
    assert run.phases[-1].saw(None) == run.phases[-1]


@pytest.mark.parametrize(("period", "interval"), [(0.0, 10.0), (10.0, 20.0), (10.0, 60.0)])
def test_no_cache_or_rare_polls_are_not_learnt_from(period: float, interval: float) -> None:
    """Of polls that are never less than a period apart each sees new data, whatever the phase."""
    assert phase_of(period=period, interval=interval) is None


def test_two_answers_with_the_same_data_leave_what_they_did_not_span() -> None:
    """The refresh lies in the rest of the period, or a little beside it."""
    phase = phase_of(period=10.0, interval=10.0)
    assert phase is not None
    for version, sent in ((1, 100.0), (1, 107.0)):
        phase = phase.saw(Sighting(version, sent, sent + 0.5))
    assert phase.arc is not None
    assert phase.arc.start == pytest.approx(107 - 0.05)
    assert phase.arc.end == pytest.approx(110.5 + 0.05)


def test_data_that_outlives_a_period_contradicts_all() -> None:
    """Whatever the period is, it is not what was thought."""
    phase = phase_of(period=10.0, interval=10.0)
    assert phase is not None
    for sent in (100.0, 107.0, 111.0):
        phase = phase.saw(Sighting(1, sent, sent + 0.5))
    assert (phase.arc, phase.failures) == (None, 1)


def test_two_answers_with_different_data_leave_the_time_between_them() -> None:
    """From before the first was asked until after the second was told."""
    phase = phase_of(period=10.0, interval=10.0)
    assert phase is not None
    for version, sent in ((1, 100.0), (2, 107.0)):
        phase = phase.saw(Sighting(version, sent, sent + 0.5))
    assert phase.arc is not None
    assert phase.arc.start == pytest.approx(100 - 0.05)
    assert phase.arc.end == pytest.approx(107.5 + 0.05)
