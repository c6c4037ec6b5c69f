"""Predict: photos, or a published version, and an exported model in; masks out."""
