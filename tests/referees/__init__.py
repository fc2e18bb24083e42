"""The frameworks as referees: what they accept and reject, held against what ftlint says of the same files.

`judges/` asks the frameworks and knows nothing of ftlint; `mutating.py` makes the files and knows neither ftlint's
schemas nor its rules; `comparing.py` brings the two verdicts together. `python -m tests.referees.run --help` measures.
"""
