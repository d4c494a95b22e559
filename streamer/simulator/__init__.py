"""A contact-centre vendor to try the product on: agents at work, served over the vendor's API, with faults on demand.

It stands beside the product and imports nothing of it. The agents (`activity`, `world`) know no vendor; what a
vendor shows of them (`eight_by_eight`, `vendor_api`) and how that goes wrong (`faults`) is put on top.
"""

from streamer.simulator.faults import KINDS, FaultError, describe_faults, parse_faults
from streamer.simulator.people import FIRST_NAMES, LAST_NAMES
from streamer.simulator.server import SimulatorServer, create_app
from streamer.simulator.settings import SHARED_PASSWORD, SimulatorSettings, tenant_ids, tenants_config
from streamer.simulator.simulation import Simulation
from streamer.simulator.truth import FrozenLine, TruthLine
from streamer.simulator.vendor_api import token_of

__all__ = [
    "FIRST_NAMES",
    "KINDS",
    "LAST_NAMES",
    "SHARED_PASSWORD",
    "FaultError",
    "FrozenLine",
    "Simulation",
    "SimulatorServer",
    "SimulatorSettings",
    "TruthLine",
    "create_app",
    "describe_faults",
    "parse_faults",
    "tenant_ids",
    "tenants_config",
    "token_of",
]
