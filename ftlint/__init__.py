"""ftlint reads what decides a fine-tuning run before it is launched, never executing it."""

__version__ = "0.1.0"
