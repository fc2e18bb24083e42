"""One training run in framework-neutral words: facts with origins, keys as written, versions, sections of a run."""
