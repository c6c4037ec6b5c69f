"""Beam's options with cached views.

Beam 2.74 makes a new argument parser each time an option is read, several times per transform: that takes a quarter of
the time in which a graph is built.
"""

from __future__ import annotations

from typing import TypeVar

from apache_beam.options.pipeline_options import PipelineOptions

View = TypeVar("View", bound=PipelineOptions)


class RememberedViews(PipelineOptions):
    """PipelineOptions with one view per class, which is enough because all views of an object share their values."""

    def view_as(self, cls: type[View]) -> View:
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]
