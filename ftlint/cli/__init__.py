"""The command line: arguments only, one file per command."""
