"""One file per family of architectures; `registry` says which model types each of them describes."""
