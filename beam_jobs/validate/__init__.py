"""Validate: a published version, checked again."""
