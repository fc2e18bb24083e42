"""One file per dialect; each recognises its documents, reads their keys, lowers them to run facts."""
