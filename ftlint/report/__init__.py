"""How findings, estimates and runs look: one file per output format."""
