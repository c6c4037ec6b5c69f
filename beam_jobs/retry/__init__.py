"""The next version from what a published one holds and what it has rejected."""
