"""A version appears whole or not at all: the decision, the moves, the manifest, and published versions read again."""
