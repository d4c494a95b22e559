"""An independent check of what the product published against what truly happened.

It shares no code with the product: it reads JSON, RFC 3339 times and the published schemas like any consumer would.
"""

from tests.oracle.evidence import Evidence, Facts, Message, Span
from tests.oracle.judge import Verdict, judge, same_stream
from tests.oracle.truth import Truth

__all__ = ["Evidence", "Facts", "Message", "Span", "Truth", "Verdict", "judge", "same_stream"]
