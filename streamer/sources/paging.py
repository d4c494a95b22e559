"""Lists that come in pages, read whole or not at all: a list that moves between two pages hides somebody.

Agents come and go while the pages are read one after the other. Whoever leaves a page that was read already draws all
after it one place forward, and the one who moves onto that page is not seen. So a scan is believed if

- its pages agree on their number and on the number of agents, hold so many, and nobody twice;
- the first page, where there are more, is as it was once the last one is read;
- it holds everybody that the scan before it held. Somebody missing, as everybody is before the first scan, is only
  believed if two scans in a row hold the same agents.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeAlias, TypeVar

from msgspec import Struct

from streamer.model import Window
from streamer.sources.errors import PollError

T = TypeVar("T")

SCANS: Final = 4
"""So often is a list read in one poll, while there is time, before it is told to be torn."""


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One page: its items by agent id, in its order, and when they were true.

    It says to be page `number` of `pages`, to hold `count` agents, and that there are `total`.
    """

    items: Mapping[str, T]
    window: Window
    number: int
    count: int
    pages: int
    total: int


ReadPage: TypeAlias = Callable[[int], Awaitable[Page[T]]]


class Whole(Struct, Generic[T], frozen=True, kw_only=True):
    """A list that was read whole: its items by agent id, the window that spans all its pages, and how many these were."""

    items: Mapping[str, T]
    window: Window
    pages: int


class Torn(Exception):
    """The list moved while it was read, or the pages do not fit together for another reason; says how."""


class Scanner(Generic[T]):
    """Reads one list again and again."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._known: frozenset[str] | None = None

    async def scan(self, read: ReadPage[T]) -> Whole[T]:
        """Read the list; `read` asks for one page by its number, from 1.

        Raises:
            PollError: incomplete, after `SCANS` scans that were torn; or whatever `read` raises.

        """
        before: frozenset[str] | None = None
        torn = ""
        for _ in range(SCANS):
            try:
                whole = await read_once(read)
            except Torn as error:
                torn = str(error)
                continue
            agents = frozenset(whole.items)
            if whole.pages <= 1 or agents == before or (self._known is not None and self._known <= agents):
                self._known = agents
                return whole
            torn, before = "it lacked agents that another held", agents
        raise PollError("incomplete", f"the list moved during each of {SCANS} scans; in the last one {torn}")


async def read_once(read: ReadPage[T]) -> Whole[T]:
    """Read all pages, and then the first one again if there are more.

    Raises:
        Torn: the pages do not fit together.

    """
    first = await read_page(read, 1)
    items, windows = dict(first.items), [first.window]
    for number in range(2, first.pages + 1):
        page = await read_page(read, number)
        if not page.items or (page.pages, page.total) != (first.pages, first.total):
            raise Torn(f"page {number} did not continue page 1")
        if not items.keys().isdisjoint(page.items):
            raise Torn(f"page {number} held an agent of a page before it")
        items.update(page.items)
        windows.append(page.window)
    if len(items) != first.total:
        raise Torn(f"the pages held {len(items)} agents and told of {first.total}")
    if first.pages > 1:
        again = await read_page(read, 1)
        if (list(again.items), again.pages, again.total) != (list(first.items), first.pages, first.total):
            raise Torn("page 1 was another one after the last page")
        windows.append(again.window)
    window = Window(start=min(each.start for each in windows), end=max(each.end for each in windows))
    return Whole(items=items, window=window, pages=first.pages)


async def read_page(read: ReadPage[T], number: int) -> Page[T]:
    """Read one page.

    Raises:
        Torn: it is another page, or not the whole.

    """
    page = await read(number)
    if page.number != number:
        raise Torn(f"page {number} said that it is page {page.number}")
    if page.count != len(page.items):
        raise Torn(f"page {number} held {len(page.items)} agents and told of {page.count}")
    return page
