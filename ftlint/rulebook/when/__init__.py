"""The language of a page's `when`: a small, safe subset of Python expressions with three truth values.

`values` says how values compare, `tree` what an expression is and answers, `functions` what may be called, `parsing`
reads the text. Nothing here knows pages, keys or runs: an `Environment` answers for names.
"""

from ftlint.rulebook.when.parsing import WhenError, parse_when
from ftlint.rulebook.when.reading import Environment, Outcome
from ftlint.rulebook.when.tree import Condition

__all__ = ["Condition", "Environment", "Outcome", "WhenError", "parse_when"]
