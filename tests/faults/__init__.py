"""Faults aimed at Kafka itself while the real service publishes: at nodes of a cluster, and at single requests.

`nodes`: three nodes, of which those that matter are killed, stopped and frozen. `requests`: each kind of request lost,
cut, delayed or delivered late. `report`: what was seen. `python -m tests.faults nodes` plays more rounds than CI does.
"""
