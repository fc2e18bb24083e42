"""Files like those that people write, for tests that cut them short or change them."""

from __future__ import annotations

DEEPSPEED = """\
{
  // written by hand
  "train_batch_size": "auto",
  "zero_optimization": {
    "stage": 3,  // sharded
    "offload_param": {"device": "cpu", "pin_memory": true},
    "reduce_bucket_size": 5e8
  },
  /* precision */
  "bf16": {"enabled": true},
  "betas": [0.9, 0.95],
  "näme": "caf\\u00e9 \\ud83d\\ude00"
}
"""

RECIPE = """\
# a recipe
model: &base
  name: Qwen/Qwen2.5-7B   # from the Hub
  dtype: bfloat16
  betas: [0.9, 0.95]
learning_rate: 2e-5
stages:
- sft
- name: dpo
  weights: {chosen: 1, "rejected # no": 0}
eval:
  <<: *base
  prompt: |
    Question: # not a comment
      {{ question }}
  note: >-  # a comment
    folded
    text
  größe: 'it''s "quoted"'
seed: 0x2A
empty:
last: ~
"""

SCRIPT = '''\
# -*- coding: utf-8 -*-
"""A script. # not a comment"""
import torch  # a comment

model = AutoModel.from_pretrained("größe", dtype=torch.bfloat16)
text = f"{model!r} # no"
if torch.cuda.is_available():
    model.to("cuda")
'''

NOTEBOOK_CELLS = """\
# %% [markdown]
# # Training
# %%
%pip install -q transformers==4.46.1
import transformers
# %%
!nvidia-smi
files = !ls *.json
for name in files:
    print(name)
"""
