"""Which dialect a document is taken for, and that other people's files are left alone."""

from __future__ import annotations

import pytest

from ftlint.dialects.registry import DIALECTS, explain
from ftlint.syntax.document import Format
from tests.dialects.reading import document

OTHERS = {
    "ci": "on: push\njobs: {build: {runs-on: ubuntu-latest, steps: []}}\n",
    "compose": "services: {db: {image: postgres}}\n",
    "k8s": "apiVersion: v1\nkind: Pod\nspec: {}\n",
    "npm": '{"name": "x", "dependencies": {}}',
    "model config": '{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 1}',
    "gpt-neox": "train_micro_batch_size_per_gpu: 4\nnum_layers: 12\npipe_parallel_size: 1\nzero_optimization: {}\n",
    "list": "- a\n- b\n",
    "empty": "",
    "scalar": "42\n",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS.keys())
def test_other_peoples_files_are_left_alone(text: str) -> None:
    format = Format.JSON if text.startswith("{") else Format.YAML
    assert explain(document(text, format)).dialect is None


def test_a_name_in_the_settings_wins() -> None:
    explained = explain(document("{}", Format.JSON), "deepspeed")
    assert explained.dialect is not None
    assert explained.dialect.name == "deepspeed"


def test_half_a_file_is_still_recognised() -> None:
    explained = explain(document('{"zero_optimization": {"stage": 3, "offl', Format.JSON))
    assert explained.dialect is not None


def test_every_dialect_has_a_name_of_its_own() -> None:
    assert len({dialect.name for dialect in DIALECTS}) == len(DIALECTS)
