"""The status page and its data: what is known of each tenant here, kept as it is told and put together when asked for."""
