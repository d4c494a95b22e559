"""Fields that no document shows: which are told, by which names, and that to look for them changes nothing."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from streamer.sources import payload
from streamer.sources.documented import LONGEST_NAME, MASK, MOST_NAMES, Documented, UnknownFields
from streamer.sources.errors import PollError
from tests.sources.mutated import edited_values
from tests.sources.strange_fields import HOSTILE, with_strange


class Phone(Struct, frozen=True, rename="camel"):
    """An object within another."""

    line_number: int
    muted: bool | None = None


class Desk(Struct, frozen=True, rename="kebab"):
    """An agent's item, of all kinds of fields."""

    agent_id: str
    agent_status: int | str = 4
    first: Phone | None = None
    others: list[Phone] | None = None
    raw: list[msgspec.Raw] = []


DESK = Documented(Desk, besides=("day-count", "Capital"))
LENIENT = msgspec.json.Decoder(Desk)
GOOD = {
    "agent-id": "a",
    "agent-status": "7",
    "first": {"lineNumber": 1, "muted": None},
    "others": [{"lineNumber": 2}, {"lineNumber": 3, "muted": True}],
    "raw": [],
    "day-count": [{"whatever": 1}],
    "Capital": None,
}


def told(document: object, path: str = "$") -> frozenset[str]:
    """Return the unknown fields of a desk."""
    unknown = UnknownFields()
    DESK.read(json.dumps(document).encode(), unknown, path=path)
    return unknown.paths


def outcome(read: Callable[[], Desk]) -> object:
    """Return what is read, or the error's text. A twin is not equal to what it is a twin of; all that it holds is."""
    try:
        desk = read()
        return desk.agent_id, desk.agent_status, repr(desk.first), repr(desk.others), [bytes(each) for each in desk.raw]
    except PollError as error:
        return str(error)


def gathered(*names: object, path: str = "$") -> frozenset[str]:
    """Return how names at a path are told."""
    unknown = UnknownFields()
    unknown.add(path, names)
    return unknown.paths


def test_what_is_documented_is_known_whether_it_is_read_or_not() -> None:
    """Under the names that the vendor gives; what an ignored field holds is not looked into."""
    assert told(GOOD) == frozenset()


def test_what_is_known_is_decoded_once() -> None:
    """By the twin of the struct: nothing is read a second time where nothing is new."""
    assert type(DESK.read(json.dumps(GOOD).encode(), UnknownFields())) is not Desk
    more = DESK.read(json.dumps({**GOOD, "mood": 1}).encode(), UnknownFields())
    assert type(more) is Desk


def test_after_an_object_with_more_the_next_one_is_not_tried_by_the_twin_first() -> None:
    """It most likely has more too, and would be read three times; one without has the twin tried again."""
    unknown = UnknownFields()
    more, good = json.dumps({**GOOD, "mood": 1}).encode(), json.dumps(GOOD).encode()
    kinds = [type(DESK.read(item, unknown)) is Desk for item in (good, more, more, good, good, more)]
    assert kinds == [False, True, True, True, False, True]


@given(
    st.lists(
        st.sampled_from([{}, {"mood": 1}, {"first": {"lineNumber": 1, "x": 2}}, {"others": [{"lineNumber": "?"}]}])
    )
)
def test_what_is_read_and_told_of_an_object_does_not_depend_on_those_before_it(
    differences: list[dict[str, object]],
) -> None:
    """In an answer of any mixture: each is read as if it were alone, errors too, and nothing is left untold."""
    unknown, told_alone = UnknownFields(), set[str]()
    for each in differences:
        body, fresh = json.dumps({**GOOD, **each}).encode(), UnknownFields()
        lenient = outcome(partial(payload.decode, LENIENT, body))
        assert outcome(partial(DESK.read, body, unknown)) == outcome(partial(DESK.read, body, fresh)) == lenient
        told_alone |= fresh.paths
    assert unknown.paths == told_alone


def test_a_field_is_told_by_its_path_at_every_level() -> None:
    """In an object, in one within it, and in those of a list; the Python name of a field is no name of the vendor's."""
    found = {
        place: told(json.loads(body), "$.data[3]") for place, body in with_strange(json.dumps(GOOD).encode(), ["x"])
    }
    assert found.pop("day-count[].") == frozenset(), "what nobody reads is not looked into"
    assert found == {
        "": {"data[].x"},
        "first.": {"data[].first.x"},
        "others[].": {"data[].others[].x"},
    }
    assert told({"agent-id": "a", "agent_status": 4}) == {"agent_status"}


def test_an_agent_in_a_bare_list_has_no_field_above_it() -> None:
    """So its path begins with the list."""
    assert told({"agent-id": "a", "mood": 4}, "$[17]") == {"[].mood"}


@given(edited_values(json.dumps(GOOD).encode(), ("agent-id", "first", "lineNumber", "muted", "mood", "day-count")))
def test_looking_for_fields_changes_nothing_that_is_read(body: bytes) -> None:
    """The same values, the same errors as of a decoder that ignores them."""
    lenient = outcome(lambda: payload.decode(LENIENT, body))
    assert outcome(lambda: DESK.read(body, UnknownFields())) == lenient


@pytest.mark.parametrize(
    "name", ["mood", "agent-mood", "agentMood", "agent_mood", "_links", "phone-line3-status", "ip6", "Agent-sub-status"]
)
def test_a_name_that_looks_like_a_fields_is_told(name: str) -> None:
    """As vendors write them."""
    assert gathered(name) == {name}


@pytest.mark.parametrize(
    "name", [*HOSTILE["json"], *HOSTILE["xml"], "{http://a.example}b", "agent.mood", "\u0430gent", 7]
)
def test_a_name_that_may_be_data_is_not_told(name: object) -> None:
    """Addresses, numbers, ids, sentences, other alphabets, and what is too long for a name."""
    assert gathered(name, path="$.data[0]") == {f"data[].{MASK}"}


@given(st.lists(st.text() | st.text(string.ascii_letters, min_size=1, max_size=LONGEST_NAME), max_size=40))
def test_what_is_told_is_bounded_and_plain(names: list[str]) -> None:
    """However many names there are and whatever they hold."""
    paths = gathered(*names, path="$.data[0]")
    assert len(paths) <= MOST_NAMES
    assert all(re.fullmatch(r"data\[\]\.([A-Za-z0-9_-]{1,40}|\*)", path) for path in paths)


def test_many_names_at_one_place_are_data() -> None:
    """A map by login name, say: none of them is told, and those of other places still are."""
    unknown = UnknownFields()
    for index, name in enumerate(string.ascii_lowercase):
        unknown.add(f"$.data[{index}].teams", (f"login-{name}",))
    unknown.add("$", ("paging",))
    assert unknown.paths == {"data[].teams.*", "paging"}
