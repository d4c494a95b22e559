"""What breaks when a line of the protocol is broken: the shortest way in which it does, or that it is harmless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.model.acting import Size
from tests.model.checker import Result, check
from tests.model.guards import Guards
from tests.model.handover import HandOver

SMALL: Final = Size(changes=1, watermarks=False, foreign=False)
MARKED: Final = Size(changes=2, foreign=False)
WHOLE: Final = Size()


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A line broken, in words and in the model, and the rule that consumers then find broken: empty if none.

    `inside`: the cache is looked at too, which consumers do not see. `played` names the scenario of `tests/mutations`
    that does the same to the product.
    """

    what: str
    without: Guards
    breaks: str
    size: Size = SMALL
    inside: bool = False
    played: str = ""

    def check(self) -> Result:
        """Return what the model says of it."""
        return check(HandOver(self.size, self.without, inside=self.inside))

    def row(self, result: Result) -> str:
        """Return its row in the table of `docs/guarantees.md`."""
        if not result.broken:
            return f"| {self.what} | nothing: it is harmless | - |"
        return f"| {self.what} | {result.broken} | {len(result.story)} |"


MUTATIONS: Final = (
    Mutation(
        what="the state is read before the producer is started",
        without=Guards(reads_after_fencing=False),
        breaks="sequence",
        played="state_read_before_the_producer_is_fenced",
    ),
    Mutation(
        what="the read ends at the last stable offset, without a claim",
        without=Guards(reads_until="the last stable offset"),
        breaks="sequence",
        size=Size(changes=1),
    ),
    Mutation(
        what="a claim on `agent-status` alone, none on `tenant-status`",
        without=Guards(reads_until="the claim among the rows"),
        breaks="watermark",
        size=WHOLE,
    ),
    Mutation(
        what="aborted records are read too",
        without=Guards(reads_committed=False),
        breaks="sequence",
    ),
    Mutation(
        what="a new owner does not go on from the watermark that was told",
        without=Guards(goes_on_from_the_watermark=False),
        breaks="watermark",
        size=MARKED,
    ),
    Mutation(
        what="a transactional id for each replica instead of for the shard",
        without=Guards(one_transactional_id=False),
        breaks="sequence",
    ),
    Mutation(
        what="the cache is kept after a commit that was not confirmed",
        without=Guards(drops_the_cache=False),
        breaks="sequence",
        played="cache_kept_after_an_unconfirmed_commit",
    ),
    Mutation(
        what="an answer that was under way is compared with the next owner's cache, A to B to A",
        without=Guards(drops_polls_under_way=False),
        breaks="doubled or invented",
        played="old_answer_against_a_newer_cache",
    ),
    Mutation(
        what="a second answer is compared while a change waits to be committed",
        without=Guards(one_diff_at_a_time=False),
        breaks="sequence",
    ),
    Mutation(
        what="a tainted producer is used again, and the first EndTxn comes late",
        without=Guards(drops_tainted_producers=False),
        breaks="table",
    ),
    Mutation(
        what="EndTxn is sent although not every record was acknowledged",
        without=Guards(awaits_every_record=False),
        breaks="table",
        played="futures_not_awaited",
    ),
    Mutation(
        what="the event and its row in two transactions",
        without=Guards(event_with_its_row=False),
        breaks="table",
        played="event_without_its_row",
    ),
    Mutation(
        what="the watermark in a transaction before its events'",
        without=Guards(watermark_with_its_events=False),
        breaks="watermark",
        size=MARKED,
        played="watermark_outside_the_transaction",
    ),
    Mutation(
        what="the answer to EndTxn is not awaited, so nobody sees that it was sent twice",
        without=Guards(awaits_the_commit=False),
        breaks="table",
        size=MARKED,
    ),
    Mutation(
        what="no claim, but the read waits for the true end of the log",
        without=Guards(reads_until="the end of the log"),
        breaks="",
        size=Size(changes=1),
        inside=True,
    ),
    Mutation(
        what="a broker that answers InitProducerId before the last transaction's markers are written",
        without=Guards(init_waits_for_markers=False),
        breaks="",
        size=Size(changes=1),
        inside=True,
    ),
    Mutation(
        what="a foreign transaction hangs in a table and nobody ever ends it",
        without=Guards(foreign_transactions_end=False),
        breaks="progress",
        size=Size(changes=1),
        inside=True,
    ),
)
