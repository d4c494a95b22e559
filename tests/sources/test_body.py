"""Taking in bodies: every way of cutting them gives the same, and no bomb unfolds."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sources.body import Body
from streamer.sources.errors import PollError

PACK: Mapping[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}


def take(wire: bytes, *, encoding: str, limit: int, cuts: list[int]) -> bytes:
    body = Body(place="GET x", limit=limit)
    body.announce(length=None, encoding=encoding)
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    for start, end in pairwise(edges):
        body.feed(wire[start:end])
    return body.finish()


@given(st.binary(max_size=3000), st.sampled_from(sorted(PACK)), st.lists(st.integers(0, 9999), max_size=9))
def test_the_pieces_that_a_body_comes_in_do_not_matter(content: bytes, encoding: str, cuts: list[int]) -> None:
    """Whatever TCP does to the bytes, the content is the same."""
    assert take(PACK[encoding](content), encoding=encoding, limit=5000, cuts=cuts) == content


@given(st.binary(min_size=1, max_size=3000), st.sampled_from(["gzip", "deflate"]), st.integers(1, 3000), st.data())
def test_compressed_content_over_the_limit_is_refused_and_any_other_kept(
    content: bytes, encoding: str, limit: int, data: st.DataObject
) -> None:
    """The limit is exact, on the wire and decompressed."""
    wire = PACK[encoding](content)
    cuts = data.draw(st.lists(st.integers(0, 9999), max_size=5))
    if max(len(content), len(wire)) <= limit:
        assert take(wire, encoding=encoding, limit=limit, cuts=cuts) == content
        return
    with pytest.raises(PollError) as caught:
        take(wire, encoding=encoding, limit=limit, cuts=cuts)
    assert caught.value.outcome == "too_large"


@given(st.binary(max_size=500), st.sampled_from(["gzip", "x-gzip", "deflate"]))
def test_bytes_that_are_not_compressed_as_announced_are_an_error_with_a_name(wire: bytes, encoding: str) -> None:
    """Random bytes decompress, or fail as a poll may fail."""
    outcome = "read"
    try:
        take(wire, encoding=encoding, limit=10_000, cuts=[])
    except PollError as error:
        outcome = error.outcome
    assert outcome in {"read", "invalid_body", "truncated", "too_large"}


@given(st.binary(min_size=1, max_size=500), st.sampled_from(["gzip", "deflate"]), st.integers(1, 8))
def test_compressed_content_that_ends_early_is_truncated(content: bytes, encoding: str, missing: int) -> None:
    """Half an answer is not taken for a whole one, even if the lost part is only the checksum."""
    with pytest.raises(PollError) as caught:
        take(PACK[encoding](content)[: -min(missing, 4)], encoding=encoding, limit=5000, cuts=[])
    assert caught.value.outcome == "truncated"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_stopped_before_it_unfolds(encoding: str) -> None:
    """64 MiB in 64 KiB cost no more memory than a few times the limit of 1 MiB."""
    wire = PACK[encoding](bytes(64 * 2**20))
    body = Body(place="GET x", limit=2**20)
    body.announce(length=len(wire), encoding=encoding)
    tracemalloc.start()
    try:
        with pytest.raises(PollError, match="more than 1048576 bytes once decompressed"):
            body.feed(wire)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_several_members_of_gzip_are_one_body() -> None:
    """RFC 1952, 2.2: as some servers send what they compressed in parts."""
    wire = gzip.compress(b"one, ") + gzip.compress(b"two")
    assert take(wire, encoding="gzip", limit=100, cuts=[3, 30]) == b"one, two"


@pytest.mark.parametrize("window_bits", [15, -15], ids=["zlib", "bare"])
@pytest.mark.parametrize("more", [0, 1])
def test_nothing_follows_upon_the_end_of_deflate(window_bits: int, more: int) -> None:
    """It has no members: thousands of empty streams of two bytes would hold the event loop up."""
    packer = zlib.compressobj(wbits=window_bits)
    stream = packer.compress(b"all") + packer.flush()
    assert take(stream, encoding="deflate", limit=100, cuts=[]) == b"all"
    with pytest.raises(PollError, match="GET x: is not deflate as it says, near byte") as caught:
        take(stream * (more + 1) + b"\x03\x00", encoding="deflate", limit=100, cuts=[len(stream)] * more)
    assert caught.value.outcome == "invalid_body"
