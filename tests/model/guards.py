"""What keeps the stream exact: each guard can be taken away, and the model tells what breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Until = Literal["the claims", "the claim among the rows", "the end of the log", "the last stable offset"]


@dataclass(frozen=True, kw_only=True)
class Guards:
    """The protocol as it is; each field set otherwise is one line of it broken."""

    one_transactional_id: bool = True
    reads_after_fencing: bool = True
    reads_until: Until = "the claims"
    reads_committed: bool = True
    goes_on_from_the_watermark: bool = True
    one_diff_at_a_time: bool = True
    event_with_its_row: bool = True
    watermark_with_its_events: bool = True
    awaits_every_record: bool = True
    awaits_the_commit: bool = True
    drops_tainted_producers: bool = True
    drops_the_cache: bool = True
    drops_polls_under_way: bool = True
    init_waits_for_markers: bool = True
    """The broker's part."""
    foreign_transactions_end: bool = True
    """The operator's part, or the broker's."""
