"""Polls contact-centre vendors for agent status and publishes every change, exactly once."""

__version__ = "0.1.0"
