"""Artifacts into apps: what a phone needs of them, beside the app's source."""

from edgedepth.bundle.android import PRECISIONS, Bundled, Plan, bundle, plans

__all__ = ["PRECISIONS", "Bundled", "Plan", "bundle", "plans"]
