"""What the trace knows of other people's code: tables of layers, classes, methods and calls, one file per library."""
