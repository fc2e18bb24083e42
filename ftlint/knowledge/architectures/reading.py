"""Reads numbers from a model's config.json the way transformers' config class of that model type does.

A key that is missing has the class's default; a key of the wrong type, or a determining key without default, makes
the whole architecture unknown. Defaults and key aliases are data, harvested from the released package.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from ftlint.knowledge.bundled import load_object
from ftlint.record import record

MAX_NUMBER = 10**9
"""More than any width, vocabulary or length: beyond it a config.json is nonsense."""

MAX_LAYERS = 10_000
"""More layers than any model has: beyond it a config.json is nonsense, and tables would take noticeable time."""


class UnknownArchitectureError(Exception):
    """A config.json does not say enough, or says it in the wrong type. Never leaves this package."""


@record
class ModelTypeDefaults:
    """What transformers' config class of one model type fills in."""

    values: Mapping[str, object]
    aliases: Mapping[str, str]
    """Other spelling -> the class's own key (`attribute_map`): GPT-2 reads `hidden_size` as `n_embd`."""
    classes: frozenset[str]
    """Auto classes that know this model type, such as `AutoModelForSequenceClassification`."""


@lru_cache(maxsize=1)
def _all_defaults() -> Mapping[str, ModelTypeDefaults]:
    return {model_type: _parse_defaults(entry) for model_type, entry in load_object("architectures.json").items()}


def _parse_defaults(entry: object) -> ModelTypeDefaults:
    if not isinstance(entry, dict):
        raise TypeError("architectures.json: each model type must map to an object")
    return ModelTypeDefaults(entry["defaults"], entry["aliases"], frozenset(entry["classes"]))


def defaults_of(model_type: str) -> ModelTypeDefaults | None:
    """Defaults of a model type's config class; None for a model type that we do not know."""
    return _all_defaults().get(model_type)


@record
class ConfigReader:
    """Typed access to one config.json, with the defaults of its model type. Raises `UnknownArchitectureError`."""

    model_type: str
    config: Mapping[str, object]
    defaults: ModelTypeDefaults

    def value(self, key: str) -> object:
        """The value that the config class would hold: as written, under an alias, or its default."""
        names = [key, *(alias for alias, own in self.defaults.aliases.items() if own == key)]
        written = [self.config[name] for name in names if name in self.config]
        if written:
            # Two spellings of one key that disagree: which one wins depends on the order in the file.
            if any(other != written[0] for other in written[1:]):
                raise UnknownArchitectureError(f"{key} is written twice")
            return written[0]
        for name in names:
            if name in self.defaults.values:
                return self.defaults.values[name]
        raise UnknownArchitectureError(f"{key} is missing")

    def integer(self, key: str, *, minimum: int = 1) -> int:
        """An integer that must be there."""
        value = self.value(key)
        # bool is an int to Python; in a config.json it is a mistake.
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= MAX_NUMBER:
            raise UnknownArchitectureError(f"{key} must be a whole number from {minimum} to {MAX_NUMBER}")
        return value

    def optional_integer(self, key: str, *, minimum: int = 1) -> int | None:
        """An integer, or None where it is written as null, or is neither written nor has a default."""
        try:
            value = self.value(key)
        except UnknownArchitectureError:
            return None
        return None if value is None else self.integer(key, minimum=minimum)

    def part(self, key: str, whole: str) -> int:
        """How many of the `whole` are taken, such as experts for a token: no more than there are; 0 where not said."""
        count = self.optional_integer(key) or 0
        if count > self.integer(whole):
            raise UnknownArchitectureError(f"{key} is more than {whole}")
        return count

    def layers(self, key: str) -> int:
        """A number of layers: an integer within reason."""
        num_layers = self.integer(key)
        if num_layers > MAX_LAYERS:
            raise UnknownArchitectureError(f"{key} must be a whole number from 1 to {MAX_LAYERS}")
        return num_layers

    def flag(self, key: str) -> bool:
        """True or false, as JSON writes them."""
        value = self.value(key)
        if not isinstance(value, bool):
            raise UnknownArchitectureError(f"{key} must be true or false")
        return value

    def optional_flag(self, key: str) -> bool:
        """A flag; null counts as false, as it does where the models ask `if config.key`."""
        return False if self.value(key) is None else self.flag(key)

    def text(self, key: str) -> str:
        """A string."""
        value = self.value(key)
        if not isinstance(value, str):
            raise UnknownArchitectureError(f"{key} must be text")
        return value

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of integers; null and an absent key count as empty."""
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(
            isinstance(item, int) and not isinstance(item, bool) for item in value
        ):
            raise UnknownArchitectureError(f"{key} must be a list of integers")
        return tuple(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; null and a key that is neither written nor has a default count as empty."""
        if not self.is_written(key) and key not in self.defaults.values:
            return ()
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UnknownArchitectureError(f"{key} must be a list of strings")
        return tuple(value)

    def is_written(self, key: str) -> bool:
        """Whether the config.json itself has this key, or another spelling of it."""
        return key in self.config or any(
            alias in self.config for alias, own in self.defaults.aliases.items() if own == key
        )
