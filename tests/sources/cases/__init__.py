"""What the contract and the spoiled payloads are run with. A new vendor: a file beside this one, and a line in each."""

from tests.sources.cases import eight_by_eight, google_ccaip, vonage

CASES = (
    *eight_by_eight.CASES,
    *google_ccaip.CASES,
    *vonage.CASES,
)

PARSERS = (
    *eight_by_eight.PARSERS,
    *google_ccaip.PARSERS,
    *vonage.PARSERS,
)
