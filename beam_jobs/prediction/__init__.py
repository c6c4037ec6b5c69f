"""Prediction at scale: photos or a published version in, masks and a table out."""
