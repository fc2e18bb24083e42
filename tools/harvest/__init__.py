"""Rebuilds the committed data from released packages; development only, not in the wheel."""
