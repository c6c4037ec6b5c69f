"""Photos that are nearly the same: found at any scale without comparing all pairs, and kept on one side by option."""

NEAR_DUPLICATES_FILE = "near_duplicates.jsonl"
PHOTOS_MOVED = "photos_moved"  # counter: photos that went to the split of their near-duplicates
