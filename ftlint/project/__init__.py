"""The files of one project: which there are, what they refer to, with which versions and hardware they run."""
