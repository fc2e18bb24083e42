"""Where releases are written: one module for each kind of file, each of which answers for one package at a time."""
