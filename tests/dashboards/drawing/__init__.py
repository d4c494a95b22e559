"""Draws the dashboards for the docs: `python -m tests.dashboards.drawing`, which `make pictures` calls."""
