"""Beam's options with views that are made once.

Beam 2.74 makes a new argument parser for each look at an option, and looks several times at each transform: that takes
a quarter of the time in which a graph is built.
"""

from __future__ import annotations

from typing import TypeVar

from apache_beam.options.pipeline_options import PipelineOptions

View = TypeVar("View", bound=PipelineOptions)


class RememberedViews(PipelineOptions):
    """PipelineOptions as any others; all views of one object share their values, so one of each class is enough."""

    def view_as(self, cls: type[View]) -> View:
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]
