"""The analyses that a page's `when` cannot express, one small module per subject."""
