"""The hand-over of a shard as a model that is small enough to be looked at in every state it can reach."""
