"""Which masks to look at first: every mask against models that have not learnt it."""
