"""Lists in pages: read whole, or not at all, whatever moves between two pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from streamer.model import Window
from streamer.sources.errors import PollError
from streamer.sources.paging import SCANS, Page, Scanner

SIZE = 3


class Vendor:
    """A list in pages of three; `stir` is called before each page but the first, and may move it."""

    def __init__(self, agents: Sequence[str], stir: Callable[[Vendor], None] = lambda _: None) -> None:
        """List these agents."""
        self.agents = sorted(agents)
        self.stir = stir
        self.asked: list[int] = []
        self.change: Callable[[Page[int]], Page[int]] = lambda page: page

    async def read(self, number: int) -> Page[int]:
        """Return one page; each request takes a millisecond."""
        if number > 1:
            self.stir(self)
        self.asked.append(number)
        shown = sorted(self.agents)[SIZE * (number - 1) : SIZE * number]
        return self.change(
            Page(
                items={agent: number for agent in shown},  # noqa: C420 - what stands there matters
                window=Window(len(self.asked), len(self.asked) + 1),
                number=number,
                count=len(shown),
                pages=-(-len(self.agents) // SIZE),
                total=len(self.agents),
            )
        )


async def outcome(scanner: Scanner[int], vendor: Vendor) -> PollError:
    """Return the error of a scan that fails."""
    with pytest.raises(PollError) as caught:
        await scanner.scan(vendor.read)
    return caught.value


@pytest.mark.parametrize("agents", ["", "a", "abc"])
async def test_a_list_of_one_page_is_read_once(agents: str) -> None:
    """It is whole by itself; a list of nobody may have no page at all."""
    vendor = Vendor(agents)
    whole = await Scanner[int]().scan(vendor.read)
    assert (sorted(whole.items), vendor.asked) == (sorted(agents), [1])


async def test_a_list_of_several_pages_is_read_in_order_and_its_first_page_again() -> None:
    """The first scan ever is read twice: nobody can tell yet whom it lacks. The window spans all pages of one scan."""
    vendor, scanner = Vendor("abcdefgh"), Scanner[int]()
    whole = await scanner.scan(vendor.read)
    assert (sorted(whole.items), vendor.asked) == (list("abcdefgh"), [1, 2, 3, 1] * 2)
    assert whole.window == Window(5, 9)
    vendor.asked.clear()
    await scanner.scan(vendor.read)
    assert vendor.asked == [1, 2, 3, 1]


async def test_somebody_missing_is_believed_if_two_scans_in_a_row_agree() -> None:
    """Somebody new is believed at once: whoever is listed is there."""
    vendor, scanner = Vendor("abcdefgh"), Scanner[int]()
    await scanner.scan(vendor.read)
    vendor.asked.clear()
    vendor.agents.remove("e")
    assert "e" not in (await scanner.scan(vendor.read)).items
    assert vendor.asked == [1, 2, 3, 1] * 2
    vendor.asked.clear()
    vendor.agents.append("z")
    assert "z" in (await scanner.scan(vendor.read)).items
    assert vendor.asked == [1, 2, 3, 1]


async def test_one_who_is_skipped_though_all_totals_agree_is_not_lost() -> None:
    """One leaves a page that was read, another joins at the end: the totals stay, and a third moves up unseen."""
    moves = iter([None, lambda vendor: (vendor.agents.remove("a"), vendor.agents.append("z"))])

    def stir(vendor: Vendor) -> None:
        if (move := next(moves, None)) is not None:
            move(vendor)

    vendor, scanner = Vendor("abcdefgh"), Scanner[int]()
    await scanner.scan(vendor.read)
    vendor.stir = stir
    whole = await scanner.scan(vendor.read)
    assert sorted(whole.items) == list("bcdefghz")


TORN: list[tuple[str, Callable[[Page[int]], Page[int]], str]] = [
    ("another page", lambda page: replace(page, number=2), "page 1 said that it is page 2"),
    ("a count that is wrong", lambda page: replace(page, count=9), "page 1 held 3 agents and told of 9"),
    (
        "another total on the second page",
        lambda page: replace(page, total=8 + page.number),
        "page 2 did not continue page 1",
    ),
    (
        "another number of pages on the second page",
        lambda page: replace(page, pages=2 + page.number),
        "page 2 did not continue page 1",
    ),
    (
        "a total that is never reached",
        lambda page: replace(page, total=99),
        "the pages held 8 agents and told of 99",
    ),
    (
        "pages without end",
        lambda page: replace(page, pages=10**9, total=10**9),
        "page 4 did not continue page 1",
    ),
    (
        "the same page again and again",
        lambda page: replace(page, items=dict.fromkeys("abc", 1), count=3),
        "page 2 held an agent of a page before it",
    ),
]


@pytest.mark.parametrize(("change", "words"), [each[1:] for each in TORN], ids=[each[0] for each in TORN])
async def test_pages_that_do_not_fit_together_are_incomplete(
    change: Callable[[Page[int]], Page[int]], words: str
) -> None:
    """After a bounded number of scans; the message says what was wrong with the last one."""
    vendor, scanner = Vendor("abcdefgh"), Scanner[int]()
    vendor.change = change
    error = await outcome(scanner, vendor)
    assert (error.outcome, error.message) == (
        "incomplete",
        f"the list moved during each of {SCANS} scans; in the last one {words}",
    )
    vendor.change = lambda page: page
    assert len((await scanner.scan(vendor.read)).items) == 8


async def test_a_first_page_that_moved_by_the_end_is_noticed() -> None:
    """Whoever joins it pushes others onto pages that were read already."""
    vendor = Vendor("abcdefgh", lambda vendor: vendor.agents.__setitem__(0, f"a{len(vendor.asked)}"))
    assert "page 1 was another one after the last page" in (await outcome(Scanner[int](), vendor)).message


@pytest.mark.parametrize("order", ["a list of agents that is not sorted", "sorted by number"])
async def test_the_order_of_agents_does_not_matter(order: str) -> None:
    """The document says ascending, and not by which collation."""
    names = ["10", "9", "B", "a", "ä", "002"] if "not" in order else ["9", "10", "11", "100"]
    vendor = Vendor([])
    vendor.agents = names

    async def read(number: int) -> Page[int]:
        shown = names[SIZE * (number - 1) : SIZE * number]
        items = {agent: number for agent in shown}  # noqa: C420
        return Page(items=items, window=Window(0, 0), number=number, count=len(shown), pages=2, total=len(names))

    assert list((await Scanner[int]().scan(read)).items) == names


async def test_in_a_thousand_scans_of_a_moving_list_nobody_who_was_there_is_missing() -> None:
    """Agents leave and return at any moment; a scan that counts holds everybody who was listed all the time."""
    dice = random.Random(4)
    everybody = [f"{number:02d}" for number in range(12)]
    present = set(everybody)

    def stir(vendor: Vendor) -> None:
        for _ in range(dice.choice((0, 0, 1, 2))):
            agent = dice.choice(everybody)
            if agent in vendor.agents and len(vendor.agents) > 4:
                vendor.agents.remove(agent)
                present.discard(agent)
            elif agent not in vendor.agents:
                vendor.agents.append(agent)

    vendor, scanner = Vendor(everybody, stir), Scanner[int]()
    counted = torn = 0
    for _ in range(1000):
        present = set(vendor.agents)
        try:
            whole = await scanner.scan(vendor.read)
        except PollError:
            torn += 1
            continue
        counted += 1
        assert present <= whole.items.keys()
    assert counted > 100
    assert torn > 100
