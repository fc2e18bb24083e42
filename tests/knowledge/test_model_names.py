"""Suggestions for a misspelled model id: the model that was meant, or none."""

from __future__ import annotations

import pytest

from ftlint.knowledge.model_names import nearest_model_id
from ftlint.knowledge.models import model_ids


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("microsoft/Phi-4", "microsoft/phi-4"),
        ("qwen/qwen3-8b", "Qwen/Qwen3-8B"),
        ("Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),  # the owner is missing
        ("google/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("meta-lama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("mistralai/Mistral7B-v0.1", "mistralai/Mistral-7B-v0.1"),
        ("Qwen/Qwen2.5-7B-Instrct", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen3-8B-Instruct", "Qwen/Qwen3-8B"),  # no such model, but everybody writes it
        ("meta-llama/Llama-3-8B", "meta-llama/Meta-Llama-3-8B"),
    ],
)
def test_what_was_meant(wanted: str, meant: str) -> None:
    assert nearest_model_id(wanted, model_ids()) == meant


@pytest.mark.parametrize(
    "wanted",
    [
        "someone/Kimi-K9-Instruct",  # shares no more than its last word with anything
        "google/gemma-3p-E4B-it",
        "Qwen/Qwen3-9B",  # another size is another model
        "meta-llama/Llama-3.7-8B",
        "zai-org/GLM-3-7B",
        "Qwen/Qwen2.5-Poetry-7B",
        "THUDM/glm-4-8b-mine",
        "",
        "/",
    ],
)
def test_another_model_is_no_misspelling(wanted: str) -> None:
    assert nearest_model_id(wanted, model_ids()) is None


def test_case_wins_over_everything() -> None:
    assert nearest_model_id("Owner/Name", ("other/Name", "owner/name", "owner/na-me")) == "owner/name"
