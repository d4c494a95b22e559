"""What the simulated vendor can do wrong.

To add a fault: write a function from `Call` to an answer in the module where
it belongs and give it a name in the table at that module's end.
"""

from streamer.simulator.faults.behind import LAGGING, LAGGING_SILENTLY, STUCK, TORN
from streamer.simulator.faults.call import Call, Effect, Kind
from streamer.simulator.faults.plan import KINDS, Fault, FaultError, FaultPlan, describe_faults, parse_faults

__all__ = [
    "KINDS",
    "LAGGING",
    "LAGGING_SILENTLY",
    "STUCK",
    "TORN",
    "Call",
    "Effect",
    "Fault",
    "FaultError",
    "FaultPlan",
    "Kind",
    "describe_faults",
    "parse_faults",
]
