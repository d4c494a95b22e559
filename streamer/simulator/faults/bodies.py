"""Faults in the data: broken JSON, broken items, lists that do not tell the truth."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from streamer.simulator.faults.call import Answer, Call, Effect, Kind


def rewritten(body: Callable[[Call], bytes]) -> Answer:
    """Answers 200 with what `body` makes of the call."""

    async def answer(call: Call) -> web.StreamResponse:
        return call.ok(body(call))

    return answer


def one_item(spoil: Callable[[dict[str, Any], Call], dict[str, Any]]) -> Answer:
    """Answers with one item, chosen at random, replaced by what `spoil` makes of it."""

    def body(call: Call) -> bytes:
        items = list(call.items)
        if items:
            victim = call.dice.randrange(len(items))
            items[victim] = msgspec.json.encode(spoil(msgspec.json.decode(items[victim]), call))
        return call.body(items)

    return rewritten(body)


def _invalid_json(call: Call) -> bytes:
    return call.body()[:-1] + b",]"


def _nan(call: Call) -> bytes:
    """NaN is no JSON (RFC 8259), though some encoders write it and some decoders read it."""
    return call.body([*call.items[:-1], b'{"agent-id":"agNaN","agent-status":NaN}'])


def _invalid_utf8(call: Call) -> bytes:
    return call.body([*call.items[:-1], b'{"agent-id":"agBytes","agent-status":4,"name":"\xff\xfe\xc3"}'])


def _duplicate(call: Call) -> bytes:
    return call.body([*call.items, *call.items[:1]])


def _wrong_top_level(call: Call) -> bytes:
    """The list bare, or for one agent the item in a list."""
    return b"[" + b",".join(call.items) + b"]"


def _half(call: Call) -> bytes:
    kept = sorted(call.dice.sample(range(len(call.items)), len(call.items) // 2))
    return call.body([call.items[index] for index in kept])


def _shuffled(call: Call) -> bytes:
    return call.body(call.dice.sample(call.items, len(call.items)))


def _extra_fields(call: Call) -> bytes:
    """Fields that no document knows, inside the items and, in a list, beside it."""
    extra = b'{"x-team":{"id":7,"tags":["a","b"]},"x-note":null,'
    items = [extra + item[1:] for item in call.items]
    body = call.body(items)
    return body if call.single else body[:-1] + b',"paging":{"total":' + str(len(items)).encode() + b"}}"


def _without_id(item: dict[str, Any], _call: Call) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "agent-id"}


def _wrong_types(item: dict[str, Any], _call: Call) -> dict[str, Any]:
    return {**item, "agent-status": {"code": item["agent-status"]}}


def _unknown_status(item: dict[str, Any], call: Call) -> dict[str, Any]:
    return {**item, "agent-status": int(call.argument)}


def _decoded(argument: str) -> bytes:
    return base64.b64decode(argument, altchars=b"-_", validate=True)


BODIES: dict[str, Kind] = {
    "empty-body": Kind(Effect.FAILS, "200 with no body at all", rewritten(lambda _call: b"")),
    "invalid-json": Kind(Effect.FAILS, "a body that is no JSON", rewritten(_invalid_json)),
    "nan": Kind(Effect.FAILS, "NaN for one agent's status", rewritten(_nan)),
    "invalid-utf8": Kind(Effect.FAILS, "bytes that are no UTF-8 in one agent's name", rewritten(_invalid_utf8)),
    "duplicate-agent": Kind(Effect.FAILS, "one agent twice in the list", rewritten(_duplicate)),
    "missing-agent-id": Kind(Effect.FAILS, "one agent without agent-id", one_item(_without_id)),
    "wrong-types": Kind(Effect.FAILS, "an object where one agent's status number belongs", one_item(_wrong_types)),
    "wrong-top-level": Kind(Effect.FAILS, "a list where an object belongs", rewritten(_wrong_top_level)),
    "body": Kind(
        Effect.FAILS,
        "200 with the argument, in base64url, as body",
        rewritten(lambda c: _decoded(c.argument)),
        check=_decoded,
    ),
    "shuffled": Kind(Effect.HARMLESS, "the agents in another order", rewritten(_shuffled)),
    "extra-fields": Kind(Effect.HARMLESS, "fields that no document knows", rewritten(_extra_fields)),
    "empty-list": Kind(Effect.LIES, "no agents", rewritten(lambda call: call.body([]))),
    "half-missing": Kind(Effect.LIES, "half of the agents", rewritten(_half)),
    "unknown-status": Kind(
        Effect.LIES, "one agent with the status code of the argument", one_item(_unknown_status), "42", int
    ),
}
