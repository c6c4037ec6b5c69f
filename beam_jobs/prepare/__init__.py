"""Prepare: photos and masks in, a published data set version out."""
