"""Several replicas share the tenants while everything that can break does: faults, seeded, judged by the oracle.

`python -m tests.campaign kills` plays one part and writes its report; `--help` says how it is sized. `stage` is what
is on: broker, vendor, replicas, a reader. `faults` are the kinds, `polls` and `takeovers` read the vendor's record of
requests, `vitals` watches the processes, `part` plays one kind to its end and has it judged, `report` writes it down.
"""
