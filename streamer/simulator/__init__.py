"""A contact-centre vendor to try the product on: agents at work, served over the vendor's API, with faults on demand.

It stands beside the product and imports nothing of it. The agents (`activity`, `world`) know no vendor. What a vendor
shows of them is one pure module (`eight_by_eight`, `realtime_stats`, `vonage`, `google`), how it is asked another
beside it (`..._api`, all of them in `registry`); `vendor_api` serves them, `faults` make it go wrong, and `witness`
tells from the record of what truly happened what each vendor showed.
"""

from streamer.simulator.access import token_of
from streamer.simulator.client_config import tenants_config
from streamer.simulator.faults import KINDS, FaultError, describe_faults, parse_faults
from streamer.simulator.identity import Ids
from streamer.simulator.people import FIRST_NAMES, LAST_NAMES
from streamer.simulator.registry import APIS, parse_sources
from streamer.simulator.server import SimulatorServer, create_app
from streamer.simulator.settings import SHARED_PASSWORD, SimulatorSettings, tenant_ids
from streamer.simulator.simulation import Simulation
from streamer.simulator.truth import FrozenLine, TruthLine
from streamer.simulator.witness import told_by

__all__ = [
    "APIS",
    "FIRST_NAMES",
    "KINDS",
    "LAST_NAMES",
    "SHARED_PASSWORD",
    "FaultError",
    "FrozenLine",
    "Ids",
    "Simulation",
    "SimulatorServer",
    "SimulatorSettings",
    "TruthLine",
    "create_app",
    "describe_faults",
    "parse_faults",
    "parse_sources",
    "tenant_ids",
    "tenants_config",
    "token_of",
    "told_by",
]
