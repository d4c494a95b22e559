"""Wires the parts together and lets people look at them: metrics, logs, probes."""
