"""Container images whose name and tag say plainly which releases they hold.

Source: the tags of pytorch/pytorch, rocm/pytorch, huggingface/transformers-* and of the AWS deep learning containers.
NVIDIA's tags (nvcr.io/nvidia/pytorch:24.10-py3) count months, and name no release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ftlint.project.specifiers import normalised_name

_VERSION = r"\d+\.\d+(?:\.\d+)?(?:\.post\d+)?(?![\d.])"
# `pytorch2.3.0`, `transformers4.36.0`, `pytorch_release_2.3.0`, `torch-2.4.1`.
_NAMED = rf"(?<![a-z])(pytorch|torch|transformers|accelerate|deepspeed|peft|trl)[-_]?(?:release[-_])?v?({_VERSION})"
# Tags of these begin with the release of torch.
_TORCH_FIRST = r"(?:^|/)(?:pytorch/pytorch|(?:huggingface-)?pytorch-(?:training|inference))$"
_LONGEST = 500


def releases_in_image(image: str) -> Mapping[str, str]:
    """The releases by package that an image such as `pytorch/pytorch:2.5.1-cuda12.4-cudnn9-runtime` names."""
    image = image.partition("@")[0].lower()
    path, _, tag = image.rpartition(":")
    if not path or "/" in tag or len(image) > _LONGEST:
        return {}
    found: dict[str, str] = {}
    first = re.match(rf"v?({_VERSION})(?=$|[-_+])", tag)
    if first and re.search(_TORCH_FIRST, path):
        found["torch"] = first[1]
    elif first and re.search(r"(?:^|/)huggingface/transformers-", path):
        found["transformers"] = first[1]
    for package, version in re.findall(_NAMED, tag):
        found.setdefault(normalised_name(package), version)
    return found
