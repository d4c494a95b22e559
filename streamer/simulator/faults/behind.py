"""Faults in what the vendor knows: caches and nodes that are behind the truth, lists that change between pages.

The APIs carry them out: the answer is the right one for what is known.
"""

from __future__ import annotations

from aiohttp import web

from streamer.simulator.faults.call import Call, Effect, Kind, seconds
from streamer.simulator.settings import MAX_BEHIND

LAGGING = "lagging"
LAGGING_SILENTLY = "lagging-silently"
STUCK = "stuck-cache"
TORN = "torn-pages"


async def well(call: Call) -> web.StreamResponse:
    """Answer as if nothing were wrong."""
    return call.ok()


BEHIND: dict[str, Kind] = {
    LAGGING: Kind(
        Effect.LIES, "a node that shows what was true the argument's seconds ago", well, "3", seconds(MAX_BEHIND)
    ),
    LAGGING_SILENTLY: Kind(
        Effect.LIES, "the same, and it dates its data to the present (upTo)", well, "3", seconds(MAX_BEHIND)
    ),
    STUCK: Kind(Effect.LIES, "the cache is not refreshed: all clocks stand still", well, only="8x8-realtime-stats"),
    TORN: Kind(
        Effect.LIES, "agents truly leave and return before each page but the first", well, only="vonage-agent-status"
    ),
}
