"""Masks from annotations: polygons, run lengths and several mask images of one photo, drawn by one stated rule."""
