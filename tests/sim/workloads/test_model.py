# SPDX-License-Identifier: Apache-2.0
"""Parameters and caches of the models that ship, against what is published of them."""

from random import Random
from typing import Any

import pytest

from matwright_sim.workloads import ModelConfig, WorkloadError, load, names

PUBLISHED = {
    # Elements of all tensors in the published files.
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "gemma-3-12b": 12_187_325_040,
    "gemma-3-27b": 27_432_406_640,
    "mixtral-8x7b": 46_702_792_704,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "gpt-oss-20b": 20_914_757_184,
    "gpt-oss-120b": 116_829_156_672,
    "deepseek-v3": 671_026_419_200,  # of 61 layers, without the one that predicts further tokens
}
ACTIVE = {
    # Billions without the embedding, with the digits they are known in.
    "llama-3-8b": "7.50",
    "llama-3-70b": "69.5",
    "gemma-3-12b": "11.8",
    "gemma-3-27b": "27.0",
    "mixtral-8x7b": "12.75",
    "qwen3-30b-a3b": "3.04",
    "qwen3-235b-a22b": "21.6",
    "gpt-oss-20b": "3.61",
    "gpt-oss-120b": "5.13",
    "deepseek-v3": "36.6",
}
CACHE = {
    # KiB per token, GiB at 8,192 and 131,072 tokens, elements of 16 bits.
    "llama-3-8b": ("128", "1.00", "16"),
    "llama-3-70b": ("320", "2.50", "40"),
    "gemma-3-12b": ("384", "0.81", "8.3"),
    "gemma-3-27b": ("496", "1.03", "10.4"),
    "mixtral-8x7b": ("128", "1.00", "16"),
    "qwen3-30b-a3b": ("96", "0.75", "12"),
    "qwen3-235b-a22b": ("188", "1.47", "23.5"),
    "gpt-oss-20b": ("48", "0.19", "3.0"),
    "gpt-oss-120b": ("72", "0.29", "4.5"),
    "deepseek-v3": ("68.6", "0.54", "8.6"),
}


def _image_encoder(hidden: int) -> int:
    """Parameters of Gemma 3's image encoder (27 layers of 1152, 4096 patches) and its projection."""
    d, wide = 1152, 4304
    patches = 3 * 14 * 14 * d + d + 4096 * d
    layer = 4 * (d * d + d) + 2 * d * wide + wide + d + 2 * 2 * d
    return patches + 27 * layer + 2 * d + d + d * hidden


def _as_published(text: str, value: float) -> bool:
    digits = len(text.partition(".")[2])
    return abs(float(text) - value) <= 0.5 * 10**-digits * (1 + 1e-9)


def test_the_ten_models() -> None:
    assert set(names()) == set(PUBLISHED)
    assert names() == tuple(sorted(names()))


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals(name: str) -> None:
    model = load(name)
    extra = _image_encoder(model.hidden) if name.startswith("gemma") else 0
    assert model.name == name
    assert model.parameters + extra == PUBLISHED[name]


@pytest.mark.parametrize("name", ACTIVE)
def test_active(name: str) -> None:
    assert _as_published(ACTIVE[name], load(name).active_parameters / 1e9)


@pytest.mark.parametrize("name", CACHE)
def test_cache(name: str) -> None:
    model = load(name)
    token, short, long = CACHE[name]
    assert _as_published(token, model.kv_bytes_per_token() / 2**10)
    assert _as_published(short, model.kv_bytes(8192) / 2**30)
    assert _as_published(long, model.kv_bytes(131072) / 2**30)
    assert model.kv_bytes(1000, 8) * 2 == model.kv_bytes(1000)


def test_windows_of_the_families() -> None:
    gemma = load("gemma-3-27b")
    assert [i for i, w in enumerate(gemma.windows) if w is None] == [5 + 6 * i for i in range(10)]
    assert set(gemma.windows) == {None, 1024}
    assert load("gpt-oss-20b").windows == (128, None) * 12
    assert gemma.layers_by_context(1024) == {1024: 62}
    assert gemma.layers_by_context(1025) == {1024: 52, 1025: 10}
    assert load("deepseek-v3").sparse == (False,) * 3 + (True,) * 58


# A second count, one tensor at a time, of small configurations.


def _tensors(c: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors of a grouped-query model with or without experts."""
    d, h = c["hidden_size"], c["head_dim"]
    q, kv = c["num_attention_heads"] * h, c["num_key_value_heads"] * h
    found: dict[str, tuple[int, ...]] = {"embed": (c["vocab_size"], d), "norm": (d,)}
    if not c["tie_word_embeddings"]:
        found["head"] = (c["vocab_size"], d)
    for i in range(c["num_hidden_layers"]):
        rows = {"q": (q, d), "k": (kv, d), "v": (kv, d), "o": (d, q)}
        found |= {f"{i}.{k}": v for k, v in rows.items()}
        found |= {f"{i}.norm{n}": (d,) for n in range(4 if "gemma" in c["model_type"] else 2)}
        if c.get("attention_bias"):
            found |= {f"{i}.{k}.bias": (v[0],) for k, v in rows.items()}
        if c["model_type"] in ("qwen3", "qwen3_moe", "gemma3_text"):
            found |= {f"{i}.q_norm": (h,), f"{i}.k_norm": (h,)}
        experts = c.get("num_experts", 0) if i not in c.get("mlp_only_layers", []) else 0
        if experts:
            found[f"{i}.router"] = (experts, d)
        width = c["moe_intermediate_size"] if experts else c["intermediate_size"]
        for e in range(experts or 1):
            found |= {f"{i}.{e}.gate": (width, d), f"{i}.{e}.up": (width, d)}
            found[f"{i}.{e}.down"] = (d, width)
            if c.get("mlp_bias"):
                found |= {f"{i}.gate.b": (width,), f"{i}.up.b": (width,), f"{i}.down.b": (d,)}
    return found


def test_totals_of_random_models_are_those_of_their_tensors() -> None:
    seed = 11
    print(f"seed {seed}")
    rng = Random(seed)
    for _ in range(200):
        kv = rng.randint(1, 4)
        config = {
            "model_type": rng.choice(["llama", "qwen3", "qwen3_moe", "gemma3_text"]),
            "hidden_size": rng.randint(1, 40),
            "num_hidden_layers": rng.randint(1, 6),
            "num_attention_heads": kv * rng.randint(1, 4),
            "num_key_value_heads": kv,
            "head_dim": rng.randint(1, 16),
            "intermediate_size": rng.randint(1, 50),
            "vocab_size": rng.randint(1, 99),
            "tie_word_embeddings": rng.random() < 0.5,
            "attention_bias": rng.random() < 0.5,
        }
        if config["model_type"] == "llama":
            config["mlp_bias"] = rng.random() < 0.5
        if config["model_type"] == "qwen3_moe":
            experts = rng.randint(1, 5)
            config |= {"num_experts": experts, "num_experts_per_tok": rng.randint(1, experts)}
            config |= {"moe_intermediate_size": rng.randint(1, 9), "mlp_only_layers": [0]}
        total = 0
        for shape in _tensors(config).values():
            total += shape[0] * (shape[1] if len(shape) == 2 else 1)
        assert ModelConfig.read(config).parameters == total, config


def test_a_name_that_is_none() -> None:
    with pytest.raises(WorkloadError) as caught:
        load("llama-9")
    assert str(caught.value) == f"llama-9 is not a model; the models are {', '.join(names())}"


def test_a_model_checks_itself() -> None:
    import dataclasses

    model = load("gpt-oss-20b")
    for change, message in [
        ({"hidden": 0}, "hidden_size must be a positive integer, not 0"),
        ({"windows": ()}, "num_hidden_layers must be a positive integer, not 0"),
        ({"sparse": (True,)}, "sparse must have an entry for each of the 24 layers, not 1"),
        ({"experts": None}, "experts must be given where a layer has experts, not None"),
        ({"sparse": (False,) * 24}, "intermediate_size must be a positive integer, not 0"),
    ]:
        with pytest.raises(WorkloadError) as caught:
            dataclasses.replace(model, **change)  # type: ignore[arg-type]
        assert str(caught.value) == message
    for call, message in [
        (lambda: model.kv_bytes(0), "context must be a positive integer, not 0"),
        (lambda: model.kv_bytes(1, 0), "element_bits must be a positive integer, not 0"),
    ]:
        with pytest.raises(WorkloadError) as caught:
            call()
        assert str(caught.value) == message
