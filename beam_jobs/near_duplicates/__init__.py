"""Photos that are nearly the same: found at any scale without comparing all pairs, and optionally kept in one split."""

PHOTOS_MOVED = "photos_moved"  # counter: photos that went to the split of their near-duplicates
EVAL_PHOTOS_LEAKED = "eval_photos_near_train"  # counter: photos of eval that have a near-duplicate in train
SEARCH_CUT = "near_duplicate_search_cut"  # counter: there may be more of these, not all were compared to the end
