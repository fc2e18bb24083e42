"""Rules as pages: loads them, evaluates their conditions, calls the checks they name, words their findings."""
