"""Tests of `ftlint.syntax`."""
