"""The record of what truly happened, against which the product's events are judged."""

from __future__ import annotations

import msgspec

from streamer.simulator.activity import Activity
from streamer.simulator.eight_by_eight import Status
from streamer.simulator.identity import Ids


class TruthLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One true change: `at` in ms since the epoch; `status` and `activity` are null when the agent left the list.

    `agent` and `status` are 8x8's (agent status API), `activity` is no vendor's; what each vendor shows of them says
    `streamer.simulator.witness`. `ids` stands in the agent's first line alone.
    """

    at: int
    tenant: str
    agent: str
    present: bool
    status: Status | None
    activity: Activity | None
    ids: Ids | None = None


class FrozenLine(msgspec.Struct, frozen=True):
    """From `at` on nothing more happens of its own accord."""

    at: int
    frozen: bool = True
