"""Comparing snapshots with what is known: pure functions over immutable values."""
