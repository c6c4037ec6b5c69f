"""Records and the shards that hold them: made, assigned, written in order and read back."""
