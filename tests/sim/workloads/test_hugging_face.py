# SPDX-License-Identifier: Apache-2.0
"""What is read from a config.json, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from matwright_sim.workloads import LatentAttention, ModelConfig, WorkloadError
from matwright_sim.workloads.hugging_face import FAMILIES

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": 100,
}
MIXTRAL = LLAMA | {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
QWEN = LLAMA | {
    "model_type": "qwen3_moe",
    "head_dim": 16,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 8,
}
GPT_OSS = MIXTRAL | {"model_type": "gpt_oss", "head_dim": 8, "sliding_window": 16}
DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "q_lora_rank": 12,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 6,
    "intermediate_size": 96,
    "moe_intermediate_size": 10,
    "n_routed_experts": 6,
    "n_shared_experts": 2,
    "num_experts_per_tok": 3,
    "first_k_dense_replace": 1,
    "vocab_size": 100,
}
NEEDED = {
    "llama": (LLAMA, ["num_key_value_heads"]),
    "mistral": (LLAMA | {"model_type": "mistral"}, []),
    "mixtral": (MIXTRAL, []),
    "qwen3": (LLAMA | {"model_type": "qwen3", "head_dim": 8}, []),
    "qwen3_moe": ({k: v for k, v in QWEN.items() if k != "intermediate_size"}, []),
    "gemma3_text": (
        LLAMA | {"model_type": "gemma3_text"},
        ["num_attention_heads", "num_key_value_heads", "vocab_size"],
    ),
    "gpt_oss": (GPT_OSS, []),
    "deepseek_v3": (DEEPSEEK, ["q_lora_rank", "n_shared_experts"]),
}


def _refused(data: Any) -> str:
    with pytest.raises(WorkloadError) as caught:
        ModelConfig.read(data)
    return str(caught.value)


@pytest.mark.parametrize("family", NEEDED)
def test_every_field_is_needed_but_those_with_a_meaning_when_absent(family: str) -> None:
    config, optional = NEEDED[family]
    assert ModelConfig.read(config).family == family
    for field in config:
        less = {k: v for k, v in config.items() if k != field}
        if field in optional:
            ModelConfig.read(less)
        else:
            assert _refused(less) == f"{field} must be given"
            assert _refused(config | {field: None}) == f"{field} must be given"


def test_every_family_is_tested() -> None:
    assert set(NEEDED) == set(FAMILIES) - {"gemma3"}


def test_defaults() -> None:
    model = ModelConfig.read({k: v for k, v in LLAMA.items() if k != "num_key_value_heads"})
    assert vars(model.attention)["kv_heads"] == 8
    assert vars(model.attention)["head_dim"] == 8
    assert not model.tied
    assert model.name == "llama"
    assert ModelConfig.read(LLAMA, "mine").name == "mine"
    latent = ModelConfig.read(DEEPSEEK | {"q_lora_rank": None}).attention
    assert isinstance(latent, LatentAttention)
    assert latent.q_rank is None
    assert latent.matrices(64) == 64 * 8 * 12 + 64 * 20 + 16 * 8 * 14 + 8 * 6 * 64


def test_gemma_as_published_leaves_fields_out() -> None:
    text = {
        "hidden_size": 3840,
        "intermediate_size": 15360,
        "model_type": "gemma3_text",
        "num_attention_heads": 16,
        "num_hidden_layers": 48,
        "num_key_value_heads": 8,
        "sliding_window": 1024,
    }
    whole = {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": text,
        "vision_config": {"hidden_size": 1152},
    }
    model = ModelConfig.read(whole)
    assert model.parameters == 11_766_034_176
    assert model.tied
    assert (model.family, model.windows[4:7]) == ("gemma3_text", (1024, None, 1024))
    untied = ModelConfig.read(whole | {"tie_word_embeddings": False})
    assert untied.parameters - model.parameters == 262208 * 3840
    short = ModelConfig.read(text | {"sliding_window_pattern": 2})
    assert short.windows[:4] == (1024, None, 1024, None)


def test_layer_types_win() -> None:
    kinds = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    assert ModelConfig.read(GPT_OSS).windows == (16, None, 16, None)
    model = ModelConfig.read(GPT_OSS | {"layer_types": kinds})
    assert model.windows == (None, 16, 16, None)
    qwen = QWEN | {"use_sliding_window": True, "sliding_window": 5}
    assert _refused(qwen) == "layer_types must be given"
    assert ModelConfig.read(qwen | {"layer_types": kinds}).windows == (None, 5, 5, None)
    assert ModelConfig.read(QWEN | {"sliding_window": 5}).windows == (None,) * 4
    assert ModelConfig.read(MIXTRAL | {"sliding_window": 7}).windows == (7,) * 4
    assert ModelConfig.read(MIXTRAL | {"sliding_window": None}).windows == (None,) * 4


def test_which_layers_have_experts() -> None:
    dense = QWEN | {"mlp_only_layers": [2]}
    assert ModelConfig.read(dense).sparse == (True, True, False, True)
    step = QWEN | {"decoder_sparse_step": 2}
    assert ModelConfig.read(step).sparse == (False, True, False, True)
    assert ModelConfig.read(DEEPSEEK).sparse == (False, True, True, True)
    assert ModelConfig.read(DEEPSEEK | {"moe_layer_freq": 2}).sparse == (False, False, True, False)


def test_the_architecture_tells_where_the_type_does_not() -> None:
    other = DEEPSEEK | {"model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM"]}
    assert ModelConfig.read(other).family == "deepseek_v3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": None}, "model_type must be given"),
        ({"model_type": "bert"}, f"model_type must be one of {', '.join(FAMILIES)}, not 'bert'"),
        (
            {"model_type": None, "architectures": ["BertModel"]},
            f"model_type must be one of {', '.join(FAMILIES)}, not ['BertModel']",
        ),
        ({"model_type": ["x"]}, f"model_type must be one of {', '.join(FAMILIES)}, not ['x']"),
        ({"hidden_size": 64.0}, "hidden_size must be a positive integer, not 64.0"),
        ({"hidden_size": "64"}, "hidden_size must be a positive integer, not '64'"),
        ({"hidden_size": True}, "hidden_size must be a positive integer, not True"),
        ({"vocab_size": -1}, "vocab_size must be a positive integer, not -1"),
        (
            {"num_hidden_layers": 10**12},
            "num_hidden_layers must be at most 10000, not 1000000000000",
        ),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings must be true or false, not 1"),
        (
            {"num_key_value_heads": 3},
            "num_attention_heads must be a multiple of num_key_value_heads (3), not 8",
        ),
        (
            {"hidden_size": 63},
            "hidden_size must be a multiple of num_attention_heads (8) where head_dim is not given, not 63",
        ),
    ],
)
def test_refused(change: dict[str, Any], message: str) -> None:
    assert _refused(LLAMA | change) == message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            MIXTRAL | {"num_experts_per_tok": 5},
            "num_experts_per_tok must be at most the number of experts (4), not 5",
        ),
        (
            GPT_OSS | {"layer_types": ["full_attention"]},
            "layer_types must have an entry for each of 4 layers, not 1",
        ),
        (
            GPT_OSS | {"layer_types": "full"},
            "layer_types must have an entry for each of 4 layers, not 'full'",
        ),
        (
            GPT_OSS | {"layer_types": ["linear_attention"] * 4},
            "layer_types must be of sliding_attention and full_attention, not 'linear_attention'",
        ),
        (
            QWEN | {"mlp_only_layers": "0"},
            "mlp_only_layers must be a list of numbers of layers, not '0'",
        ),
        (
            DEEPSEEK | {"first_k_dense_replace": -1},
            "first_k_dense_replace must be an integer from 0 on, not -1",
        ),
        (
            DEEPSEEK | {"n_shared_experts": 0.5},
            "n_shared_experts must be an integer from 0 on, not 0.5",
        ),
        (DEEPSEEK | {"kv_lora_rank": 0}, "kv_lora_rank must be a positive integer, not 0"),
    ],
)
def test_refused_by_family(config: dict[str, Any], message: str) -> None:
    assert _refused(config) == message


def test_files(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    path = folder / "config.json"
    path.write_text(json.dumps(LLAMA))
    assert ModelConfig.read(path).name == "my-model"
    assert ModelConfig.read(folder) == ModelConfig.read(str(path))
    other = tmp_path / "other.json"
    other.write_text(json.dumps(LLAMA | {"_sources": ["me"], "torch_dtype": "bfloat16"}))
    assert ModelConfig.read(other).name == "other"

    other.write_text(json.dumps(LLAMA | {"vocab_size": 0}))
    assert _refused(other) == f"{other}: vocab_size must be a positive integer, not 0"
    other.write_text("[1]")
    assert _refused(other) == f"{other}: a configuration must be a table of fields, not [1]"
    other.write_text("{")
    assert _refused(other).startswith(f"{other}: the text must be JSON: ")
    other.write_text('{"hidden_size": ' + "9" * 5000 + "}")
    assert _refused(other).startswith(f"{other}: the text must be JSON: ")
    other.write_bytes(b"\xff")
    assert _refused(other).startswith(f"{other} cannot be read: ")
    missing = tmp_path / "none.json"
    assert _refused(missing).startswith(f"{missing} cannot be read: ")
