"""The oracle is silent about good histories and names the rule that a bad one breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.oracle import Evidence, Span, judge, same_stream
from tests.oracle.evidence import members
from tests.oracle.story import START, Story, at, message, ordinary

Spoil = Callable[[dict[str, Any]], None]


def number_of(story: Story, agent: str, sequence: int) -> int:
    """Find an event."""
    return next(
        number
        for number, value in enumerate(story.values)
        if (value["agent"]["id"], value["sequence"]) == (agent, sequence)
    )


def spoiled(agent: str, sequence: int, how: Spoil) -> Evidence:
    """Return the ordinary history with one event changed, whose successor's chain still holds."""
    story = ordinary()
    story.spoil(number_of(story, agent, sequence), how)
    return story.evidence()


def test_an_ordinary_history_breaks_no_rule() -> None:
    """Appearing, changing, leaving, returning and a change that no poll saw are all as they should be."""
    verdict = judge(ordinary().evidence())
    assert not verdict.violations, verdict
    counts = verdict.counts
    assert (counts.events, counts.agents, counts.transitions, counts.untold) == (9, 3, 8, 2)
    assert counts.promised == 4


def test_a_poll_that_missed_a_whole_status_breaks_no_rule() -> None:
    """What was held for less than the resolution told may be missed: the stream says so."""
    story = Story(changes=[(0, "ann", 4), (1200, "ann", 7), (1800, "ann", 4)], polls=[1000, 2000, 3000])
    verdict = judge(story.evidence())
    assert not verdict.violations, verdict
    assert verdict.counts.untold == 2


def test_a_previous_that_is_not_the_current_before_breaks_the_chain() -> None:
    """The chain is `event[n].previous == event[n-1].current`."""
    story = ordinary()
    story.values[number_of(story, "ann", 3)]["previous"]["detail"] = "else"
    assert judge(story.evidence()).rules >= {"chain"}


def test_a_previous_that_is_equal_but_written_otherwise_breaks_the_chain() -> None:
    """The bytes themselves are handed on, so that fields of another release survive."""
    evidence = ordinary().evidence()
    number = next(n for n, each in enumerate(evidence.events) if json.loads(each.value or b"")["sequence"] == 2)
    event = evidence.events[number]
    value = json.loads(event.value or b"")
    value["previous"] = dict(reversed(value["previous"].items()))
    events = list(evidence.events)
    events[number] = event._replace(value=json.dumps(value).encode())
    violations = judge(replace(evidence, events=events)).violations
    assert [each.rule for each in violations if "equals it only once parsed" in each.message] == ["chain"]


def test_a_lost_event_breaks_sequence_and_chain() -> None:
    """A hole in the numbers cannot go unseen, nor one in the chain."""
    story = ordinary()
    del story.values[number_of(story, "ann", 2)]
    assert judge(story.evidence()).rules >= {"sequence", "tenant_sequence", "chain", "complete"}


def test_an_event_written_twice_is_found() -> None:
    """The same event at two offsets breaks the numbers and the uniqueness of ids."""
    story = ordinary()
    number = number_of(story, "ann", 2)
    story.values.insert(number + 1, json.loads(json.dumps(story.values[number])))
    assert judge(story.evidence()).rules >= {"sequence", "tenant_sequence", "unique_id", "chain"}


def test_an_event_and_a_row_of_different_transactions_are_found() -> None:
    """Both are there in the end, but for a moment one was without the other: a marker lies between."""
    evidence = ordinary().evidence()
    rows = [*evidence.rows[:4], *(row._replace(offset=row.offset + 1) for row in evidence.rows[4:])]
    assert judge(replace(evidence, rows=rows)).rules == {"row"}


def test_a_change_told_again_under_new_numbers_is_found() -> None:
    """Two events that are both plausible but tell one true change break `doubled`."""
    story = Story(changes=[(0, "ann", 4), (1300, "ann", 7)], polls=[1000, 2000])
    again = json.loads(json.dumps(story.values[-1]))
    gone = {**again, "change": "disappeared", "current": None, "previous": again["current"], "sequence": 3}
    again.update(change="appeared", previous=None, sequence=4, tenant_sequence=4, duration_ms=None)
    story.values += [{**gone, "tenant_sequence": 3}, again]
    assert judge(story.evidence()).rules >= {"doubled", "invented"}


def test_a_status_that_was_never_true_is_invented() -> None:
    """What the window cannot have shown is told by nobody honest."""
    assert "invented" in judge(spoiled("ann", 2, lambda value: value["current"]["vendor"].update(code=11))).rules


def test_a_status_of_another_moment_is_invented() -> None:
    """True once is not enough: it must have been true in the window observed."""
    late = {"observed": {"start": at(2510), "end": at(2520)}, "detected_at": at(2521)}
    assert "invented" in judge(spoiled("ann", 2, lambda value: value.update(late))).rules


def test_a_disappearance_of_an_agent_who_was_there_is_invented() -> None:
    """An absence is told only of agents that the vendor truly did not list."""
    gone = {"change": "disappeared", "current": None}
    assert "invented" in judge(spoiled("bob", 2, lambda value: value.update(gone))).rules


def test_an_interval_without_the_change_is_found() -> None:
    """`occurred` must contain the true moment."""
    assert judge(spoiled("ann", 2, lambda value: value["occurred"].update(earliest=at(1400)))).rules >= {"interval"}


def test_a_since_without_the_entry_is_found() -> None:
    """So must `since`."""
    narrow = {"earliest": at(1400), "latest": at(2010)}
    assert "interval" in judge(spoiled("ann", 2, lambda value: value["current"].update(since=narrow))).rules


@pytest.mark.parametrize("wrong", [{"min": 0, "max": 900}, {"min": 1300, "max": 2010}, None])
def test_a_duration_that_does_not_hold_the_true_one_is_found(wrong: dict[str, int] | None) -> None:
    """Ann's call took 1200 ms."""
    assert judge(spoiled("ann", 3, lambda value: value.update(duration_ms=wrong))).rules == {"duration"}


def test_more_missed_transitions_than_there_were_are_found() -> None:
    """`missed_transitions` is a lower bound."""
    assert judge(spoiled("ann", 3, lambda value: value.update(missed_transitions=1))).rules == {"missed"}


def test_a_kind_that_does_not_fit_is_found() -> None:
    """A change of a known agent is no appearance, and a second baseline is none."""
    assert judge(spoiled("ann", 3, lambda value: value.update(change="appeared"))).rules >= {"kind"}
    assert judge(spoiled("ann", 2, lambda value: value.update(change="baseline"))).rules >= {"kind", "baseline"}


def test_a_resync_that_changes_something_is_found() -> None:
    """A resync may tell another state, never another vendor status."""
    story = ordinary()
    last = story.values[number_of(story, "bob", 2)]
    resync = json.loads(json.dumps(last))
    resync.update(change="resync", sequence=3, tenant_sequence=len(story.values) + 1, previous=last["current"])
    resync.update(occurred=None, duration_ms=None, observed={"start": at(7990), "end": at(8010)}, detected_at=at(8011))
    story.values.append(resync)
    assert not judge(story.evidence()).violations
    resync["current"]["since"] = None
    assert judge(story.evidence()).rules == {"resync"}


def test_an_older_window_after_a_newer_one_is_found() -> None:
    """An old answer must never be told after a newer one."""
    back = {"observed": {"start": at(1300), "end": at(1310)}}
    assert "order" in judge(spoiled("ann", 3, lambda value: value.update(back))).rules


def test_an_event_detected_before_it_was_observed_is_found() -> None:
    """`detected_at` is not before `observed.end`."""
    assert judge(spoiled("ann", 4, lambda value: value.update(detected_at=at(3990)))).rules == {"order"}


def test_a_status_held_long_and_never_told_is_found() -> None:
    """The service skips bob's log-in; its numbers and its chain are perfect."""
    story = ordinary()
    del story.values[number_of(story, "bob", 2)]
    for number, value in enumerate(story.values, start=1):
        value["tenant_sequence"] = number
    for record in story.records:
        record["tenant_sequence"] = min(record["tenant_sequence"], len(story.values))
    assert judge(story.evidence()).rules == {"final"}
    story = Story(changes=[(0, "ann", 4), (1300, "ann", 7), (3500, "ann", 8)], polls=[1000, 2000, 3000, 4000, 5000])
    last = story.values.pop()
    story.values[1] = {**last, "sequence": 2, "tenant_sequence": 2, "previous": story.values[0]["current"]}
    story.values[1].update(occurred=story.values[1]["occurred"] | {"earliest": at(990)}, duration_ms=None)
    for record in story.records:
        record["tenant_sequence"] = min(record["tenant_sequence"], 2)
    verdict = judge(story.evidence())
    assert "complete" in verdict.rules, verdict


def test_an_absence_in_which_the_vendor_lied_is_not_asked_for() -> None:
    """Whether it could be told is unknown; without the lie it must be."""
    changes = [(0, "ann", 4), (0, "cyd", 5), (1500, "cyd", None), (3500, "cyd", 5)]
    story = Story(changes=changes, polls=[1000, 2000, 3000, 4000, 5000])
    kept = [value for value in story.values if value["sequence"] == 1]
    story.values[:] = kept
    for record in story.records:
        record["tenant_sequence"] = 2
    assert judge(story.evidence()).rules == {"complete"}
    assert not judge(story.evidence(lies=[Span(START + 1400, START + 3600)])).violations


def test_a_watermark_that_goes_back_is_found() -> None:
    """`complete_through` never decreases."""
    story = ordinary()
    story.records[4]["complete_through"] = at(100)
    assert judge(story.evidence()).rules == {"watermark"}


def test_a_watermark_that_lied_is_found() -> None:
    """An event that comes later and occurred earlier breaks the promise, unless it says `late`."""
    story = ordinary()
    number = number_of(story, "bob", 2)
    story.records[4].update(complete_through=at(5995))
    for record in story.records[5:]:
        record.update(complete_through=at(8000))
    assert judge(story.evidence()).rules == {"watermark"}
    for value in story.values[number - 1 :]:
        value["late"] = True
    assert not judge(story.evidence()).violations


def test_a_record_that_names_an_event_that_was_never_committed_is_found() -> None:
    """A watermark outside the transaction of its events names what may never come."""
    story = ordinary()
    story.records[-1]["tenant_sequence"] = 99
    assert judge(story.evidence()).rules == {"watermark"}


def test_a_row_that_is_not_the_last_event_is_found() -> None:
    """Value and headers, byte for byte."""
    evidence = ordinary().evidence()
    *rows, last = evidence.rows
    assert judge(replace(evidence, rows=rows)).rules == {"row"}
    changed = last._replace(headers=(*last.headers[:-1], ("traceparent", b"00-0-0-00")))
    assert judge(replace(evidence, rows=[*rows, changed])).rules == {"row"}


def test_an_event_without_its_row_is_found_although_a_later_row_hides_it() -> None:
    """The table's history is compared, not only its end; a compacted one has no history."""
    evidence = ordinary().evidence()
    hidden = next(n for n, row in enumerate(evidence.rows) if json.loads(row.value or b"")["sequence"] == 2)
    rows = [row for number, row in enumerate(evidence.rows) if number != hidden]
    assert judge(replace(evidence, rows=rows)).rules == {"row"}
    assert not judge(replace(evidence, rows=rows, rows_compacted=True)).violations


def test_a_row_without_events_is_found_and_the_reserved_key_is_no_row() -> None:
    """Nobody knows where such a row comes from."""
    evidence = ordinary().evidence()
    stranger = evidence.rows[0]._replace(key=b"acme|dan", offset=99)
    assert judge(replace(evidence, rows=[*evidence.rows, stranger])).rules == {"row"}
    claim = evidence.rows[0]._replace(key=b"|claim", value=None, headers=(), offset=100)
    assert not judge(replace(evidence, rows=[*evidence.rows, claim])).violations


def test_only_the_forgotten_may_lose_their_row_and_start_anew() -> None:
    """Cyd's row is erased while she is away: she comes back as somebody new."""
    story = ordinary()
    returned = story.values[number_of(story, "cyd", 3)]
    returned.update(sequence=1, previous=None, duration_ms=None)
    assert judge(story.evidence()).rules >= {"sequence"}
    assert not judge(story.evidence(forgotten=[("acme", "cyd")])).violations


def test_an_end_that_is_not_the_true_one_is_found() -> None:
    """After quiet polls the last event is the truth; a tenant that was not polled in the end is not asked."""
    story = ordinary()
    story.changes = [*story.changes, (9000, "bob", 7)]
    assert judge(story.evidence()).rules == {"final"}
    assert not judge(story.evidence(settled=False)).violations


def test_a_value_that_is_not_valid_is_found() -> None:
    """Events, envelopes and tenant records are held to the published schemas."""
    for spoil in (lambda value: value.pop("late"), lambda value: value.update(detected_at="yesterday")):
        assert judge(spoiled("ann", 4, spoil)).rules == {"schema"}
    story = ordinary()
    story.records[0]["complete_through"] = "soon"
    assert judge(story.evidence()).rules == {"schema"}
    evidence = ordinary().evidence()
    torn = evidence.events[0]._replace(value=(evidence.events[0].value or b"")[:-1])
    assert judge(replace(evidence, events=[torn, *evidence.events[1:]])).rules == {"schema"}


@pytest.mark.parametrize(("header", "wrong"), [("ce_time", at(1)), ("ce_id", "6f1b2c1e-8f0a-5a39-9d39-2f3a6f0f7c56")])
def test_an_envelope_that_says_otherwise_is_found(header: str, wrong: str) -> None:
    """Headers agree with the value, and the id is computed again."""
    evidence = ordinary().evidence()
    event = evidence.events[0]
    headers = tuple((name, wrong.encode() if name == header else value) for name, value in event.headers)
    spoiled_event, spoiled_row = (each._replace(headers=headers) for each in (event, evidence.rows[0]))
    evidence = replace(evidence, events=[spoiled_event, *evidence.events[1:]], rows=[spoiled_row, *evidence.rows[1:]])
    assert judge(evidence).rules == {"envelope"}


def test_another_source_than_the_tenants_is_found() -> None:
    """An event that names another vendor's API than the one that was polled."""
    assert judge(spoiled("ann", 4, lambda value: value.update(source="8x8-realtime-stats"))).rules == {"source"}


def test_a_tenant_in_two_partitions_is_found() -> None:
    """Order holds within a partition only."""
    evidence = ordinary().evidence()
    *tenants, last = evidence.tenants
    assert judge(replace(evidence, tenants=[*tenants, last._replace(partition=4)])).rules == {"place"}
    row = evidence.rows[-1]._replace(key=b"acme|somebody")
    assert judge(replace(evidence, rows=[*evidence.rows[:-1], row])).rules == {"row"}
    stray = evidence.events[-1]._replace(key=b"acme|somebody")
    assert judge(replace(evidence, events=[*evidence.events[:-1], stray])).rules >= {"place"}


def test_two_readers_that_saw_different_streams_are_found() -> None:
    """A read_committed reader never sees what another does not."""
    events = ordinary().evidence().events
    assert not list(same_stream(events, list(reversed(events))))
    assert list(same_stream(events[:-1], events))
    other = message("agent-status-changed", 0, "acme|ann", json.loads(events[1].value or b""))
    assert list(same_stream([other, *events[1:]], events))


def test_members_are_cut_out_as_they_stand() -> None:
    """Blanks, escapes and nested braces included."""
    text = '{ "a" : {"b": "}\\"", "c": [1, 2]} ,\n"d":1.50,"e" :null}'
    assert members(text) == {"a": '{"b": "}\\"", "c": [1, 2]}', "d": "1.50", "e": "null"}
    assert members("{}") == {}
