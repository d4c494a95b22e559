"""Faults of XML, and of the shapes that a document leaves open."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from aiohttp import web

from streamer.simulator.faults.call import Call, Effect, Kind

STATS = "8x8-realtime-stats"
GENERATIONS = 12
"""Each entity of the bomb is ten of the one before: a trillion in the end."""


async def bomb(call: Call) -> web.StreamResponse:
    """Entities that grow to a terabyte when resolved (billion laughs)."""
    names = [f"e{generation}" for generation in range(GENERATIONS + 1)]
    grown = "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairwise(names))
    return _xml(call, f'<!ENTITY {names[0]} "x">{grown}', names[-1])


async def entity(call: Call) -> web.StreamResponse:
    """An entity to be fetched from the argument; without one from this simulator, where arrivals are counted."""
    target = call.argument or str(call.request.url.origin() / "_simulator" / "entity")
    return _xml(call, f'<!ENTITY far SYSTEM "{target}">', "far")


def _xml(call: Call, declarations: str, name: str) -> web.Response:
    """All items in XML, the name of one more agent being the entity."""
    item = f"<agent> <agent-id>ag1</agent-id> <agent-status>0</agent-status> <agent-name>&{name};</agent-name> </agent>"
    items = " ".join([*(item.decode() for item in call.items if item.startswith(b"<")), item])
    text = f"<!DOCTYPE agents [{declarations}]><agents> {items} </agents>"
    return web.Response(text=text, content_type="application/xml")


async def wrapper(call: Call) -> web.StreamResponse:
    """Put the list under the argument's key, or under none; one agent, and XML, stay as they are."""
    if call.content.single or call.content.format.media_type != "application/json":
        return call.ok()
    noun = call.content.fields.ids[0].partition("-")[0]
    bare = b"[" + b",".join(call.items) + b"]"
    keys = {"plural": f"{noun}s", "singular": noun, "data": "data"}
    return call.ok(bare if call.argument == "bare" else b'{"' + keys[call.argument].encode() + b'":' + bare + b"}")


async def text_numbers(call: Call) -> web.StreamResponse:
    """Write each number as a text, as XML does."""
    if call.content.format.media_type != "application/json":
        return call.ok()
    return call.ok(call.body([_with_texts(item) for item in call.items]))


def _with_texts(item: bytes) -> bytes:
    fields = msgspec.json.decode(item)
    return msgspec.json.encode({key: str(value) if isinstance(value, int) else value for key, value in fields.items()})


def _known_wrapper(argument: str) -> object:
    if argument not in ("plural", "singular", "data", "bare"):
        raise ValueError("it must be plural, singular, data or bare")
    return argument


MARKUP: dict[str, Kind] = {
    "xml-bomb": Kind(Effect.FAILS, "XML whose entities grow to a terabyte when resolved", bomb),
    "xml-entity": Kind(Effect.FAILS, "XML with an external entity; argument: its URL", entity),
    "wrapper": Kind(
        Effect.HARMLESS,
        "a JSON list under another key: plural, singular, data, or bare",
        wrapper,
        "singular",
        _known_wrapper,
        only=STATS,
    ),
    "text-numbers": Kind(Effect.HARMLESS, "numbers in JSON written as texts", text_numbers, only=STATS),
}
