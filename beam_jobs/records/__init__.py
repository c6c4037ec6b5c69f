"""One record: its serialized form, its place in a shard, and published records read back."""
