"""Vendors' APIs: one file each, one line each in `registry`. A source turns HTTP answers into a `Snapshot`."""
