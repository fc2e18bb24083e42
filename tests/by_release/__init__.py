"""Tests of `tools.by_release`."""
