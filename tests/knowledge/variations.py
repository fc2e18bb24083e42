"""Small configs that turn every switch of the families on and off; the referee builds each with transformers."""

from __future__ import annotations

SMALL: dict[str, object] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 160,
    "pad_token_id": 0,
}
GPT2: dict[str, object] = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 32, "vocab_size": 160}
FALCON: dict[str, object] = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 160}
ENCODER: dict[str, object] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 32,
    "vocab_size": 160,
}
DEBERTA: dict[str, object] = ENCODER | {"pooler_hidden_size": 64, "share_att_key": True, "pos_att_type": "p2c|c2p"}
T5: dict[str, object] = {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4, "vocab_size": 160}
MIXTURE: dict[str, object] = SMALL | {"num_experts_per_tok": 2, "moe_intermediate_size": 48, "head_dim": 16}
LATENT: dict[str, object] = SMALL | {
    "moe_intermediate_size": 48,
    "n_routed_experts": 4,
    "n_shared_experts": 2,
    "num_experts_per_tok": 2,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "n_group": 1,
    "topk_group": 1,
}

MAMBA: dict[str, object] = SMALL | {"mamba_n_heads": 8, "mamba_n_groups": 2, "mamba_d_state": 10}
DELTA: dict[str, object] = MIXTURE | {
    "num_hidden_layers": 4,
    "shared_expert_intermediate_size": 40,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 12,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
}
QWEN_TOWER: dict[str, object] = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 4,
    "out_hidden_size": 64,
    "num_position_embeddings": 16,
}
GEMMA4_TOWER: dict[str, object] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "patch_size": 8,
    "position_embedding_size": 20,
}
PER_LAYER: dict[str, object] = SMALL | {
    "num_hidden_layers": 4,
    "head_dim": 16,
    "laurel_rank": 6,
    "num_kv_shared_layers": 2,
    "hidden_size_per_layer_input": 20,
    "vocab_size_per_layer_input": 150,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
}
NEMOTRON_H: dict[str, object] = SMALL | {
    "num_hidden_layers": 5,
    "hybrid_override_pattern": "MM-*E",
    "head_dim": 16,
    "mamba_num_heads": 8,
    "mamba_head_dim": 12,
    "n_groups": 2,
    "ssm_state_size": 10,
    "n_routed_experts": 4,
    "moe_intermediate_size": 48,
    "moe_shared_expert_intermediate_size": 40,
}

LLAMA_LIKE = (
    "apertus arcee cohere cohere2 ernie4_5 exaone4 gemma gemma2 gemma3_text glm glm4 granite hunyuan_v1_dense "
    "internlm3 llama ministral3 mistral nemotron olmo olmo2 olmo3 phi3 qwen2 qwen3 seed_oss smollm3 starcoder2"
).split()

VISION: dict[str, object] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 56,
    "patch_size": 14,
}
SIGLIP: dict[str, object] = VISION | {"model_type": "siglip_vision_model", "vision_use_head": False}
CLIP: dict[str, object] = VISION | {"model_type": "clip_vision_model"}
PIXTRAL: dict[str, object] = VISION | {"model_type": "pixtral"}
INTERN: dict[str, object] = VISION | {"model_type": "internvl_vision", "image_size": [56, 56], "patch_size": [14, 14]}
QWEN_VISION: dict[str, object] = {
    "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "out_hidden_size": 64,
    "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1], "spatial_merge_size": 2,
}  # fmt: skip
MLLAMA_VISION: dict[str, object] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_global_layers": 2, "attention_heads": 4,
    "image_size": 56, "vision_output_dim": 96, "intermediate_layers_indices": [0, 1],
}  # fmt: skip
LLAMA_4: dict[str, object] = SMALL | {"num_local_experts": 4, "num_experts_per_tok": 1, "intermediate_size_mlp": 112}
LLAMA_4_VISION: dict[str, object] = VISION | {
    "intermediate_size": 128, "vision_output_dim": 64, "projector_input_dim": 64, "projector_output_dim": 64,
}  # fmt: skip


def _multimodal(model_type: str, text_type: str, vision: dict[str, object], **changes: object) -> dict[str, object]:
    text = SMALL | {"model_type": text_type, "head_dim": 16}
    return {"model_type": model_type, "text_config": text, "vision_config": vision} | changes


MULTIMODAL: list[dict[str, object]] = [
    _multimodal("gemma3", "gemma3_text", SIGLIP),
    _multimodal("idefics3", "llama", VISION, scale_factor=3),
    _multimodal("internvl", "qwen2", INTERN, tie_word_embeddings=False, downsample_ratio=0.25),
    _multimodal(
        "internvl",
        "qwen3",
        INTERN | {"use_qk_norm": True, "norm_type": "rms_norm", "attention_bias": True},
        tie_word_embeddings=False,
    ),
    _multimodal("llama4", "llama4_text", LLAMA_4_VISION) | {"text_config": LLAMA_4},
    _multimodal("llama4", "llama4_text", LLAMA_4_VISION)
    | {"text_config": LLAMA_4 | {"interleave_moe_layer_step": 2, "attention_bias": True}},
    _multimodal("llava", "llama", CLIP, vision_feature_layer=[-2, -1]),
    _multimodal("llava", "mistral", CLIP, multimodal_projector_bias=False),
    _multimodal("llava", "mistral", PIXTRAL, vision_feature_layer=-1, multimodal_projector_bias=False),
    _multimodal("llava", "qwen2", SIGLIP),
    _multimodal("llava_next", "mistral", CLIP),
    _multimodal("mistral3", "mistral", PIXTRAL, tie_word_embeddings=False, spatial_merge_size=3),
    _multimodal("mllama", "mllama_text_model", MLLAMA_VISION)
    | {"text_config": SMALL | {"cross_attention_layers": [1]}},
    _multimodal("paligemma", "gemma", SIGLIP, projection_dim=64),
    _multimodal("paligemma", "gemma2", SIGLIP, projection_dim=64),
    {"model_type": "qwen2_5_vl", "vision_config": QWEN_VISION} | SMALL,
    {"model_type": "qwen2_5_vl", "vision_config": QWEN_VISION, "tie_word_embeddings": True} | SMALL,
    {"model_type": "qwen2_vl", "vision_config": {"depth": 2, "embed_dim": 32, "hidden_size": 64, "mlp_ratio": 3}}
    | SMALL,
    _multimodal("qwen3_vl", "qwen3_vl_text", QWEN_VISION),
    _multimodal("qwen3_vl", "qwen3_vl_text", QWEN_VISION, tie_word_embeddings=True),
    _multimodal("qwen3_vl_moe", "qwen3_vl_moe_text", QWEN_VISION) | {"text_config": MIXTURE | {"num_experts": 4}},
    _multimodal("qwen3_vl_moe", "qwen3_vl_moe_text", QWEN_VISION, tie_word_embeddings=True)
    | {"text_config": MIXTURE | {"num_experts": 4, "mlp_only_layers": [1]}},
    _multimodal("smolvlm", "llama", VISION),
]

VARIATIONS: list[dict[str, object]] = [
    *({"model_type": name, "head_dim": 16} | SMALL for name in LLAMA_LIKE if name not in ("cohere2", "starcoder2")),
    *({"model_type": name, "head_dim": 8, "tie_word_embeddings": True} | SMALL for name in LLAMA_LIKE),
    *({"model_type": name, "head_dim": 8, "tie_word_embeddings": False} | SMALL for name in LLAMA_LIKE),
    *(
        {"model_type": name, "head_dim": 8, "attention_bias": True, "mlp_bias": True, "use_bias": True} | SMALL
        for name in LLAMA_LIKE
    ),
    *(
        {"model_type": name, "head_dim": 8, "attention_bias": False, "mlp_bias": False, "use_bias": False} | SMALL
        for name in LLAMA_LIKE
    ),
    *MULTIMODAL,
    {"model_type": "llama", "head_dim": None} | SMALL | {"num_key_value_heads": None},
    {"model_type": "qwen2"} | SMALL,
    {"model_type": "cohere", "use_qk_norm": True} | SMALL,
    {"model_type": "seed_oss", "attention_out_bias": True, "head_dim": 8} | SMALL,
    {"model_type": "stablelm"} | SMALL,
    {"model_type": "stablelm", "use_qkv_bias": True, "use_parallel_residual": True, "qk_layernorm": True} | SMALL,
    {"model_type": "phi", "qk_layernorm": True} | SMALL,
    {"model_type": "phi", "tie_word_embeddings": True} | SMALL,
    {"model_type": "mixtral", "num_local_experts": 4} | MIXTURE,
    {"model_type": "qwen2_moe", "num_experts": 4, "shared_expert_intermediate_size": 40} | MIXTURE,
    {"model_type": "qwen2_moe", "num_experts": 4, "mlp_only_layers": [1]} | MIXTURE,
    {"model_type": "qwen2_moe", "num_experts": 4, "decoder_sparse_step": 2, "qkv_bias": False} | MIXTURE,
    {"model_type": "qwen3_moe", "num_experts": 4, "decoder_sparse_step": 2, "attention_bias": True} | MIXTURE,
    {"model_type": "qwen3_moe", "num_experts": 4, "mlp_only_layers": [0, 2]} | MIXTURE,
    {"model_type": "olmoe", "num_experts": 4, "num_experts_per_tok": 2} | SMALL,
    {"model_type": "phimoe", "num_local_experts": 4, "attention_bias": True, "lm_head_bias": True} | SMALL,
    {"model_type": "granitemoe", "num_local_experts": 4, "tie_word_embeddings": True} | SMALL,
    {"model_type": "gpt_oss", "num_local_experts": 4, "attention_bias": False} | MIXTURE,
    {"model_type": "glm4_moe", "n_routed_experts": 4, "use_qk_norm": True, "n_shared_experts": 2} | MIXTURE,
    {"model_type": "glm4_moe", "n_routed_experts": 4, "first_k_dense_replace": 0, "attention_bias": True} | MIXTURE,
    {"model_type": "deepseek_v2", "q_lora_rank": None, "first_k_dense_replace": 1} | LATENT,
    {"model_type": "deepseek_v2", "q_lora_rank": 24, "attention_bias": True, "mlp_bias": True} | LATENT,
    {"model_type": "deepseek_v3", "q_lora_rank": 24, "first_k_dense_replace": 2} | LATENT,
    {"model_type": "deepseek_v3", "q_lora_rank": None, "attention_bias": True} | LATENT,
    {"model_type": "qwen3_5", "text_config": DELTA, "vision_config": QWEN_TOWER},
    {"model_type": "qwen3_5", "text_config": DELTA | {"tie_word_embeddings": True}, "tie_word_embeddings": True,
     "vision_config": QWEN_TOWER},
    {"model_type": "qwen3_5_moe", "text_config": DELTA | {"num_experts": 4}, "vision_config": QWEN_TOWER},
    {"model_type": "glm4_moe_lite", "q_lora_rank": 24} | LATENT,
    {"model_type": "glm4_moe_lite", "q_lora_rank": None, "attention_bias": True,
     "mlp_layer_types": ["dense", "dense", "sparse"]} | LATENT,
    {"model_type": "dots1", "n_routed_experts": 4, "n_shared_experts": 2, "first_k_dense_replace": 1} | MIXTURE,
    {"model_type": "dots1", "n_routed_experts": 4, "n_shared_experts": 1, "attention_bias": True} | MIXTURE,
    {"model_type": "ernie4_5_moe", "moe_num_experts": 4, "moe_k": 2} | MIXTURE,
    {"model_type": "ernie4_5_moe", "moe_num_experts": 4, "moe_layer_interval": 2, "moe_layer_start_index": 0,
     "moe_layer_end_index": 1, "tie_word_embeddings": False} | MIXTURE,
    {"model_type": "minimax_m2", "num_local_experts": 4} | MIXTURE,
    {"model_type": "qwen3_next", "num_experts": 4} | DELTA,
    {"model_type": "qwen3_next", "num_experts": 4, "full_attention_interval": 2, "decoder_sparse_step": 2,
     "attention_bias": True} | DELTA,
    {"model_type": "qwen3_next", "num_experts": 4, "mlp_only_layers": [0],
     "layer_types": ["full_attention", "linear_attention", "linear_attention", "full_attention"]} | DELTA,
    {"model_type": "qwen3_5_text", "tie_word_embeddings": True} | DELTA,
    {"model_type": "qwen3_5_moe_text", "num_experts": 4} | DELTA,
    {"model_type": "granitemoehybrid", "num_local_experts": 4, "shared_intermediate_size": 40,
     "layer_types": ["mamba", "attention", "mamba"]} | MAMBA,
    {"model_type": "granitemoehybrid", "num_local_experts": 0, "layers_block_type": ["mamba", "attention", "attention"],
     "attention_bias": True, "mamba_proj_bias": True, "mamba_conv_bias": False} | MAMBA,
    {"model_type": "granitemoehybrid", "num_local_experts": 0, "tie_word_embeddings": True} | MAMBA,
    {"model_type": "bamba", "attn_layer_indices": [1], "head_dim": 16, "mamba_d_head": 16} | MAMBA,
    {"model_type": "bamba", "mlp_bias": True, "attention_bias": True, "mamba_proj_bias": True} | MAMBA,
    {"model_type": "falcon_h1", "mamba_d_ssm": 48, "projectors_bias": True, "mamba_rms_norm": True} | MAMBA,
    {"model_type": "falcon_h1", "mamba_d_ssm": None, "mlp_bias": True, "attention_bias": True, "head_dim": 16,
     "mamba_proj_bias": True, "mamba_conv_bias": False, "tie_word_embeddings": True} | MAMBA,
    {"model_type": "nemotron_h"} | NEMOTRON_H,
    {"model_type": "nemotron_h", "layers_block_type": ["mamba", "attention", "mlp", "moe"], "moe_latent_size": 20,
     "mlp_bias": True, "use_bias": True, "use_conv_bias": False} | NEMOTRON_H,
    {"model_type": "gemma4", "text_config": PER_LAYER, "vision_config": GEMMA4_TOWER,
     "audio_config": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "output_proj_dims": 40}},
    {"model_type": "gemma4", "text_config": PER_LAYER | {"num_kv_shared_layers": 0}, "vision_config": GEMMA4_TOWER},
    {"model_type": "gemma4_text"} | PER_LAYER,
    {"model_type": "gemma4_text", "use_double_wide_mlp": True, "num_kv_shared_layers": 0, "global_head_dim": 24,
     "attention_bias": True} | {key: value for key, value in PER_LAYER.items() if key != "num_kv_shared_layers"},
    {"model_type": "gemma4_text", "use_double_wide_mlp": True, "global_head_dim": 24, "tie_word_embeddings": False}
    | PER_LAYER,
    {"model_type": "gemma4_text", "hidden_size_per_layer_input": 0, "attention_k_eq_v": True, "head_dim": 16,
     "num_global_key_value_heads": 1, "enable_moe_block": True, "num_experts": 4, "top_k_experts": 2,
     "moe_intermediate_size": 48} | SMALL,
    {"model_type": "gemma3n_text"} | PER_LAYER,
    {"model_type": "gemma3n_text", "altup_correct_scale": False, "altup_num_inputs": 3, "attention_bias": True,
     "tie_word_embeddings": False} | PER_LAYER | {"intermediate_size": [96] * 4},
    {"model_type": "mamba", "hidden_size": 60, "num_hidden_layers": 2, "vocab_size": 160, "use_conv_bias": False},
    {"model_type": "falcon_mamba", "hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 160, "expand": 16,
     "intermediate_size": 96, "time_step_rank": 5, "use_bias": True, "tie_word_embeddings": False, "pad_token_id": 0},
    {"model_type": "jamba", "num_experts": 4, "attn_layer_period": 2, "attn_layer_offset": 1, "num_hidden_layers": 5,
     "mamba_dt_rank": 5} | {key: value for key, value in SMALL.items() if key != "num_hidden_layers"},
    {"model_type": "jamba", "num_experts": 1, "num_experts_per_tok": 1, "mamba_proj_bias": True,
     "mamba_conv_bias": False, "tie_word_embeddings": True} | SMALL,
    {"model_type": "lfm2", "full_attn_idxs": [1], "conv_bias": True} | SMALL,
    {"model_type": "lfm2", "layer_types": ["conv", "conv", "full_attention"], "block_ff_dim": 1000,
     "block_ffn_dim_multiplier": 1.3, "block_multiple_of": 32, "tie_embedding": False, "conv_L_cache": 5} | SMALL,
    {"model_type": "lfm2", "block_auto_adjust_ff_dim": False} | SMALL,
    {"model_type": "lfm2_moe", "layer_types": ["conv", "full_attention", "conv"], "num_experts": 4,
     "num_dense_layers": 1} | MIXTURE | {"head_dim": 8},
    {"model_type": "gpt2"} | GPT2,
    {"model_type": "gpt2", "n_inner": 100} | GPT2,
    {"model_type": "gpt2", "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4},
    {"model_type": "gpt_bigcode", "multi_query": False, "n_inner": 100} | GPT2,
    {"model_type": "gpt_bigcode"} | GPT2,
    {"model_type": "gptj", "n_inner": 100, "rotary_dim": 8} | GPT2,
    {"model_type": "codegen", "rotary_dim": 8} | GPT2,
    {"model_type": "gpt_neo", "hidden_size": 64, "num_layers": 2, "num_heads": 4, "intermediate_size": 100,
     "attention_types": [[["global", "local"], 1]], "vocab_size": 160, "max_position_embeddings": 32},
    {"model_type": "gpt_neox", "attention_bias": False, "tie_word_embeddings": True} | SMALL,
    {"model_type": "opt", "hidden_size": 64, "ffn_dim": 100, "num_hidden_layers": 2, "num_attention_heads": 4,
     "word_embed_proj_dim": 32, "do_layer_norm_before": False, "vocab_size": 160},
    {"model_type": "opt", "hidden_size": 64, "ffn_dim": 100, "num_hidden_layers": 2, "num_attention_heads": 4,
     "word_embed_proj_dim": None, "enable_bias": False, "layer_norm_elementwise_affine": False},
    {"model_type": "bloom", "n_embed": 64, "n_layer": 2, "n_head": 4, "vocab_size": 160},
    {"model_type": "mpt", "d_model": 64, "n_layers": 2, "n_heads": 4, "vocab_size": 160},
    {"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2} | FALCON,
    {"model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1}
    | FALCON,
    {"model_type": "falcon", "multi_query": False, "parallel_attn": False, "bias": True, "alibi": True} | FALCON,
    {"model_type": "falcon", "ffn_hidden_size": 100, "tie_word_embeddings": False} | FALCON,
    {"model_type": "bert", "type_vocab_size": 3} | ENCODER,
    {"model_type": "roberta", "type_vocab_size": 1} | ENCODER,
    {"model_type": "xlm-roberta", "type_vocab_size": 1} | ENCODER,
    {"model_type": "camembert", "type_vocab_size": 1} | ENCODER,
    {"model_type": "electra", "embedding_size": 32} | ENCODER,
    {"model_type": "electra", "embedding_size": 64, "tie_word_embeddings": False} | ENCODER,
    {"model_type": "albert", "embedding_size": 32} | ENCODER,
    {"model_type": "albert", "embedding_size": 32, "num_hidden_groups": 2, "inner_group_num": 2} | ENCODER,
    {"model_type": "modernbert", "pad_token_id": 0} | ENCODER,
    {"model_type": "modernbert", "attention_bias": True, "norm_bias": True, "mlp_bias": True, "classifier_bias": True,
     "decoder_bias": False, "tie_word_embeddings": False, "pad_token_id": 0} | ENCODER,
    {"model_type": "distilbert", "dim": 64, "hidden_dim": 96, "n_layers": 2, "n_heads": 4, "vocab_size": 160},
    {"model_type": "deberta-v2", "relative_attention": False, "type_vocab_size": 2} | DEBERTA,
    {"model_type": "deberta-v2", "relative_attention": True, "position_buckets": 12, "norm_rel_ebd": "layer_norm",
     "position_biased_input": False, "conv_kernel_size": 3} | DEBERTA,
    {"model_type": "deberta-v2", "relative_attention": True, "max_relative_positions": 10} | DEBERTA,
    {"model_type": "t5", "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False} | T5,
    {"model_type": "t5", "num_decoder_layers": 3} | T5,
    {"model_type": "mt5", "feed_forward_proj": "relu"} | T5,
    {"model_type": "umt5"} | T5,
]  # fmt: skip
