"""What poll-once says of codes that no mapping knows, where a vendor's texts are of the odd kind."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamer.cli.unmapped import count, documents, lines, quoted
from streamer.model import Meaning, Unmapped

LUNCH = Unmapped("status", "lunch", "lunch")
PARKED = Unmapped("interaction.state", "Parked")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_key_reads_as_the_code_that_it_stands_for(code: str) -> None:
    """Pasted into the config it is the same text again, and nothing in it can play with a terminal."""
    assert yaml.safe_load(quoted(code)) == code
    assert quoted(code).isprintable()


def test_codes_are_counted_by_agent_and_the_most_frequent_stands_first() -> None:
    """One agent may show several; those that are mapped show none."""
    one, both = Meaning("unknown", unmapped=(LUNCH,)), Meaning("unknown", unmapped=(LUNCH, PARKED))
    counted = count([Meaning("ready"), Meaning("ready", unmapped=(PARKED,)), one, both, one])
    assert list(counted.items()) == [(LUNCH, 3), (PARKED, 2)]
    assert [each["unmapped"]["status_map"] for each in documents(counted)] == ["lunch", None]
    assert list(lines(counted))[1:] == [
        '  status lunch, agents: 3 - add to status_map  "lunch": STATE',
        "  interaction.state Parked, agents: 2 - no key of status_map can name it",
    ]


def test_nothing_is_said_where_all_is_mapped() -> None:
    """No heading without a list below it."""
    assert list(lines(count([Meaning("ready")]))) == []
