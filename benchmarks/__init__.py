"""Programs that measure real training steps, on a machine that has a GPU."""
