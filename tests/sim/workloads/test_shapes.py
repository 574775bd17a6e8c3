# SPDX-License-Identifier: Apache-2.0
"""The GEMMs of a step, against closed forms and a count of the keys that each query sees."""

from collections.abc import Callable
from random import Random

import pytest

from matwright_sim.workloads import (
    Experts,
    Gemm,
    GroupedAttention,
    LatentAttention,
    ModelConfig,
    WorkloadError,
    active_experts,
    decode,
    distinct,
    load,
    macs,
    names,
    prefill,
    spread,
)


def _weights(gemms: tuple[Gemm, ...]) -> int:
    return macs(gemm for gemm in gemms if gemm.weights)


def _attention(gemms: tuple[Gemm, ...]) -> int:
    return macs(gemm for gemm in gemms if not gemm.weights)


def _dims(model: ModelConfig, phase: str) -> int:
    """Multiply-accumulates of one query with one key and its value, all heads of a layer."""
    attention = model.attention
    if isinstance(attention, GroupedAttention):
        return 2 * attention.heads * attention.head_dim
    if phase == "prefill":
        return attention.heads * (attention.nope + attention.rope + attention.v_dim)
    return attention.heads * (2 * attention.kv_rank + attention.rope)


def _vectors(model: ModelConfig) -> int:
    """Active parameters that multiply nothing: norms, biases, sinks; counted by hand for each family."""
    d, layers, a, e = model.hidden, model.layers, model.attention, model.experts
    total = d + layers * d * (4 if model.family.startswith("gemma3") else 2)
    if isinstance(a, LatentAttention):
        assert e
        return total + layers * (1536 + 512) + sum(model.sparse) * e.count
    if model.family == "gpt_oss":
        assert e
        biases = (a.heads + 2 * a.kv_heads) * a.head_dim + d + e.count
        return total + layers * (biases + a.heads + e.top_k * (2 * e.width + d))
    if model.family in ("qwen3_moe", "gemma3_text"):
        total += layers * 2 * a.head_dim
    return total


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    ("batch", "context", "seed"),
    [(1, 1, None), (7, 100, None), (7, 100, 3), (32, 4096, None), (512, 3000, None)],
)
def test_decode_does_all_weights_once_and_all_keys(
    name: str, batch: int, context: int, seed: int | None
) -> None:
    model = load(name)
    gemms = decode(model, batch, context, seed=seed)
    assert _weights(gemms) == batch * (model.active_parameters - _vectors(model))
    seen = sum(context if w is None else min(w, context) for w in model.windows)
    assert _attention(gemms) == batch * seen * _dims(model, "decode")
    assert {gemm.phase for gemm in gemms} == {"decode"}


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(("tokens", "batch"), [(1, 1), (130, 3), (1500, 1)])
def test_prefill_does_all_weights_and_the_masks(name: str, tokens: int, batch: int) -> None:
    model = load(name)
    head = model.vocab * model.hidden
    gemms = prefill(model, tokens, batch)
    inner = model.active_parameters - _vectors(model) - head
    assert _weights(gemms) == batch * (tokens * inner + head)
    # All queries with all keys, up to the window.
    whole = prefill(model, tokens, batch, block=tokens)
    square = batch * model.layers * tokens**2 * _dims(model, "prefill")
    assert _attention(whole) == square
    # One query at a time: the causal mask.
    exact = prefill(model, tokens, batch, block=1)
    seen = sum(min(i + 1, w or tokens) for w in model.windows for i in range(tokens))
    assert _attention(exact) == batch * seen * _dims(model, "prefill")
    assert _attention(exact) <= _attention(gemms) <= square
    assert {gemm.phase for gemm in gemms} == {"prefill"}


def test_blocks_meet_the_keys_that_their_queries_see() -> None:
    seed = 5
    print(f"seed {seed}")
    rng = Random(seed)
    attention = GroupedAttention(heads=1, kv_heads=1, head_dim=1)
    for _ in range(100):
        tokens, block = rng.randint(1, 60), rng.randint(1, 70)
        window = rng.choice([None, rng.randint(1, 70)])
        model = ModelConfig(
            name="x",
            family="x",
            hidden=1,
            vocab=1,
            tied=True,
            attention=attention,
            windows=(window,),
            sparse=(False,),
            mlp_width=1,
        )
        found = sorted(
            (gemm.m, gemm.n)
            for gemm in prefill(model, tokens, block=block)
            if gemm.name == "scores"
            for _ in range(gemm.count)
        )
        expected = []
        for first in range(0, tokens, block):
            queries = range(first, min(first + block, tokens))
            keys = {j for i in queries for j in range(tokens) if i - (window or tokens) < j <= i}
            expected.append((len(queries), len(keys)))
        assert found == sorted(expected), (tokens, block, window)


def test_local_layers_go_in_blocks_of_their_window() -> None:
    model = load("gpt-oss-20b")
    scores = [gemm for gemm in prefill(model, 300) if gemm.name == "scores"]
    # Of 300 tokens: 128 see 128, 128 see 255, 44 see 171; 12 layers, 8 heads of keys; and 300 x 300.
    assert {gemm.shape for gemm in scores} == {
        (8 * 128, 128, 64, 96),
        (8 * 128, 255, 64, 96),
        (8 * 44, 171, 64, 96),
        (8 * 300, 300, 64, 96),
    }


def test_the_list_of_llama() -> None:
    found = [(gemm.name, *gemm.shape, gemm.weights) for gemm in decode(load("llama-3-8b"), 4, 100)]
    assert found == [
        ("q", 4, 4096, 4096, 32, True),
        ("k", 4, 1024, 4096, 32, True),
        ("v", 4, 1024, 4096, 32, True),
        ("scores", 4, 100, 128, 32 * 8 * 4, False),
        ("values", 4, 128, 100, 32 * 8 * 4, False),
        ("o", 4, 4096, 4096, 32, True),
        ("gate", 4, 14336, 4096, 32, True),
        ("up", 4, 14336, 4096, 32, True),
        ("down", 4, 4096, 14336, 32, True),
        ("head", 4, 128256, 4096, 1, True),
    ]


def test_the_list_of_latent_attention() -> None:
    model = load("deepseek-v3")
    found = {gemm.name: gemm for gemm in decode(model, 2, 50)}
    assert found["q_a"].shape == (2, 1536, 7168, 61)
    assert found["kv_a"].shape == (2, 576, 7168, 61)
    assert found["q_b"].shape == (2, 128 * 192, 1536, 61)
    assert found["q_absorb"].shape == (2, 512, 128, 61 * 128)
    assert found["scores"].shape == (128, 50, 576, 61 * 2)
    assert found["values"].shape == (128, 512, 50, 61 * 2)
    assert found["v_up"].shape == (2, 128, 512, 61 * 128)
    assert found["o"].shape == (2, 7168, 128 * 128, 61)
    # The values are in the vectors that the scores have fetched.
    cached = sum(g.fetched_elements for g in found.values() if not g.weights)
    assert cached == 2 * model.kv_elements(50)
    read = {gemm.name: gemm for gemm in prefill(model, 50, 2)}
    assert read["kv_b"].shape == (100, 128 * 256, 512, 61)
    assert read["scores"].shape == (50, 50, 192, 61 * 128 * 2)
    assert read["values"].shape == (50, 128, 50, 61 * 128 * 2)


@pytest.mark.parametrize("name", names())
def test_a_decode_fetches_cache_and_weights_once(name: str) -> None:
    model = load(name)
    gemms = decode(model, 3, 777)
    assert sum(g.fetched_elements for g in gemms if not g.weights) == 3 * model.kv_elements(777)
    if model.experts is None:
        assert sum(g.fetched_elements for g in gemms if g.weights) == model.weight_macs


@pytest.mark.parametrize("name", names())
def test_fused_products_are_the_same_work(name: str) -> None:
    model = load(name)
    for plain, fused in [
        (decode(model, 16, 64), decode(model, 16, 64, fused=True)),
        (prefill(model, 64), prefill(model, 64, fused=True)),
    ]:
        assert macs(plain) == macs(fused)
        assert len(fused) < len(plain)
        assert sum(g.fetched_elements for g in plain) == sum(g.fetched_elements for g in fused)
    assert any("qkv" in gemm.name for gemm in fused)
    assert any(gemm.name.endswith("gate_up") for gemm in fused)


def test_queries_without_a_latent_vector() -> None:
    import dataclasses

    model = load("deepseek-v3")
    assert isinstance(model.attention, LatentAttention)
    model = dataclasses.replace(model, attention=dataclasses.replace(model.attention, q_rank=None))
    found = {gemm.name: gemm for gemm in decode(model, 2, 50)}
    assert found["q"].shape == (2, 128 * 192, 7168, 61)
    assert _weights(decode(model, 2, 50)) == 2 * model.weight_macs
    assert {g.name: g for g in decode(model, 2, 50, fused=True)}["qkv_a"].n == 128 * 192 + 576


# Experts.


@pytest.mark.parametrize(
    ("name", "tokens", "active"),
    [
        ("gpt-oss-120b", 32, 82),
        ("gpt-oss-120b", 128, 126),
        ("gpt-oss-120b", 2048, 128),
        ("qwen3-30b-a3b", 32, 112),
        ("deepseek-v3", 32, 163),
        ("deepseek-v3", 512, 256),
        ("mixtral-8x7b", 32, 8),
        ("mixtral-8x7b", 1, 2),
    ],
)
def test_active_experts(name: str, tokens: int, active: int) -> None:
    experts = load(name).experts
    assert experts
    assert active_experts(experts, tokens) == active


def test_pairs_of_token_and_expert_are_exact() -> None:
    seed = 6
    print(f"seed {seed}")
    rng = Random(seed)
    for _ in range(500):
        count = rng.randint(1, 64)
        experts = Experts(count=count, top_k=rng.randint(1, count), width=1)
        tokens, layers = rng.randint(1, 200), rng.randint(1, 3)
        chosen = rng.choice([None, rng.randint(0, 99)])
        loads = spread(experts, tokens, layers, chosen)
        assert sum(load * n for load, n in loads.items()) == tokens * experts.top_k * layers
        assert all(1 <= load <= tokens and n > 0 for load, n in loads.items())
        assert experts.top_k * layers <= loads.total() <= count * layers
        if chosen is None:
            assert loads.total() == active_experts(experts, tokens) * layers
            assert max(loads) - min(loads) <= 1


def test_drawn_routing() -> None:
    model = load("qwen3-30b-a3b")
    assert model.experts
    first, again = decode(model, 32, 10, seed=1), decode(model, 32, 10, seed=1)
    assert first == again
    assert first != decode(model, 32, 10, seed=2)
    # 400 layers of 32 tokens: 111.77 of 128 experts on average.
    loads = spread(model.experts, 32, 400, 7)
    assert abs(loads.total() / 400 - 128 * (1 - (1 - 8 / 128) ** 32)) < 0.6


def test_long_prompts_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from matwright_sim.workloads import shapes

    monkeypatch.setattr(shapes, "_DRAWN_AT_ONCE", 40)
    experts = Experts(count=8, top_k=2, width=1)
    loads = spread(experts, 33, 2, 1)
    assert sum(load * n for load, n in loads.items()) == 33 * 2 * 2


# Lists.


def test_distinct_shapes() -> None:
    gemms = decode(load("llama-3-8b"), 4, 100)
    shapes = distinct(gemms)
    assert shapes[0] == (4, 4096, 4096, 64)  # q and o
    assert shapes[1] == (4, 1024, 4096, 64)  # k and v
    assert len(shapes) == 7
    assert sum(m * n * k * count for m, n, k, count in shapes) == macs(gemms)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: prefill(m, 0), "tokens must be a positive integer, not 0"),
        (lambda m: prefill(m, 1, -1), "batch must be a positive integer, not -1"),
        (lambda m: prefill(m, 1, block=0), "block must be a positive integer, not 0"),
        (lambda m: decode(m, 1.5, 1), "batch must be a positive integer, not 1.5"),
        (lambda m: decode(m, 1, 0), "context must be a positive integer, not 0"),
    ],
)
def test_refused(call: Callable[[ModelConfig], object], message: str) -> None:
    with pytest.raises(WorkloadError) as caught:
        call(load("llama-3-8b"))
    assert str(caught.value) == message
