"""When and how tenants are polled, and who keeps which shard."""
