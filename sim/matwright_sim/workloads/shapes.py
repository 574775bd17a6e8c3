# SPDX-License-Identifier: Apache-2.0
"""The GEMMs of one step of a model: reading prompts (prefill), or one more token each (decode).

Rows of every product are tokens. B is a matrix of weights, or keys (K transposed) and values.

- The heads that share keys and values are stacked: their queries are rows of one product.
- A layer with a window sees that many tokens at most. In a prefill queries go in blocks of rows; a block
  meets all keys from the first that its first query sees to that of its last query. A block is the window in
  a local layer and the whole prompt in others, or what ``block`` says: with 1 the work is that of
  the causal mask exactly, with the whole prompt it is the full square.
- Latent attention makes keys and values of all heads in a prefill (``kv_b``); in a decode the same weights
  are applied to queries and results instead (``q_absorb``, ``v_up``), and one vector serves all heads.
- Experts: routing is uniform. The number of active experts is its expectation, E (1 - (1 - k/E)^M), to
  the nearest integer, and the M k pairs of token and expert are spread over them as evenly as can be, so
  their total is exact. With ``seed`` each token draws its k experts instead, in each layer anew.
- The output matrix sees the last token of each prompt.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from .errors import positive
from .gemm import Gemm
from .model import Experts, GroupedAttention, LatentAttention, ModelConfig

__all__ = ["active_experts", "decode", "prefill", "spread"]

_DRAWN_AT_ONCE = 1 << 22
"""Random numbers, so that long prompts do not take all memory."""


def prefill(
    model: ModelConfig,
    tokens: int,
    batch: int = 1,
    *,
    block: int | None = None,
    fused: bool = False,
    seed: int | None = None,
) -> tuple[Gemm, ...]:
    """The GEMMs of reading ``batch`` prompts of ``tokens`` tokens.

    ``fused`` joins products that share their A: q, k and v; gate and up.
    """
    positive("tokens", tokens)
    positive("batch", batch)
    step = _Step("prefill", model, tokens * batch, fused, seed)
    if block is not None:
        positive("block", block)
    found: Counter[tuple[int, int]] = Counter()
    for seen, layers in model.layers_by_context(tokens).items():
        local = seen < tokens
        for shape, count in _blocks(tokens, seen, block or (seen if local else tokens)).items():
            found[shape] += count * layers * batch
    return tuple(step.gemms(_attention(step, found), prompts=batch))


def decode(
    model: ModelConfig,
    batch: int,
    context: int,
    *,
    fused: bool = False,
    seed: int | None = None,
) -> tuple[Gemm, ...]:
    """The GEMMs of one more token for each of ``batch`` sequences; it sees ``context``, itself among them."""
    positive("batch", batch)
    positive("context", context)
    step = _Step("decode", model, batch, fused, seed)
    found = Counter({(1, s): n * batch for s, n in model.layers_by_context(context).items()})
    return tuple(step.gemms(_attention(step, found), prompts=batch))


def _blocks(tokens: int, window: int, block: int) -> Counter[tuple[int, int]]:
    """How many blocks of how many queries meet how many keys."""
    found: Counter[tuple[int, int]] = Counter()
    for first in range(0, tokens, block):
        end = min(first + block, tokens)
        found[end - first, end - max(0, first - window + 1)] += 1
    return found


# Experts.


def active_experts(experts: Experts, tokens: int) -> int:
    """Experts that ``tokens`` tokens are expected to reach by uniform routing, to the nearest integer."""
    expected = experts.count * (1 - (1 - experts.top_k / experts.count) ** tokens)
    # No fewer than one token has, so none gets more pairs than there are tokens.
    return max(experts.top_k, round(expected))


def spread(experts: Experts, tokens: int, layers: int, seed: int | None = None) -> Counter[int]:
    """How many experts, over ``layers`` layers, get how many tokens; those with none are left out."""
    found: Counter[int] = Counter()
    if seed is None:
        active = active_experts(experts, tokens)
        each, more = divmod(tokens * experts.top_k, active)
        found[each + 1] = more * layers
        found[each] += (active - more) * layers
        return +found
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWN_AT_ONCE // experts.count)
    for _ in range(layers):
        loads = np.zeros(experts.count, np.int64)
        for first in range(0, tokens, at_once):
            draws = rng.random((min(at_once, tokens - first), experts.count))
            chosen = np.argpartition(draws, experts.top_k - 1, axis=1)[:, : experts.top_k]
            loads += np.bincount(chosen.ravel(), minlength=experts.count)
        found.update(int(load) for load in loads if load)
    return found


# A step.


class _Step:
    """What the products of one step have in common."""

    def __init__(
        self, phase: str, model: ModelConfig, tokens: int, fused: bool, seed: int | None
    ) -> None:
        self.phase, self.model, self.tokens, self.fused, self.seed = (
            phase,
            model,
            tokens,
            fused,
            seed,
        )

    def weights(self, name: str, n: int, k: int, count: int, m: int | None = None) -> Gemm:
        return Gemm(name, self.tokens if m is None else m, n, k, count, self.phase)

    def cached(
        self, name: str, m: int, n: int, k: int, count: int, *, fetched: bool = True
    ) -> Gemm:
        return Gemm(name, m, n, k, count, self.phase, weights=False, fetched=fetched)

    def joined(
        self, name: str, parts: dict[str, int], k: int, count: int, m: int | None = None
    ) -> Iterator[Gemm]:
        """Products of one A with several matrices, by name and columns; one of them if ``fused``."""
        if self.fused:
            yield self.weights(name, sum(parts.values()), k, count, m)
            return
        for part, n in parts.items():
            yield self.weights(part, n, k, count, m)

    def gemms(self, attention: Iterator[Gemm], prompts: int) -> Iterator[Gemm]:
        """Those of attention, of MLPs and experts, and of the output matrix, in their order."""
        model = self.model
        yield from attention
        dense = model.sparse.count(False)
        if dense:
            yield from self._mlp("", model.mlp_width, dense)
        if model.experts and dense < model.layers:
            yield from self._experts(model.experts, model.layers - dense)
        yield self.weights("head", model.vocab, model.hidden, 1, prompts)

    def _mlp(self, prefix: str, width: int, count: int, m: int | None = None) -> Iterator[Gemm]:
        hidden = self.model.hidden
        parts = {f"{prefix}gate": width, f"{prefix}up": width}
        yield from self.joined(f"{prefix}gate_up", parts, hidden, count, m)
        yield self.weights(f"{prefix}down", hidden, width, count, m)

    def _experts(self, experts: Experts, layers: int) -> Iterator[Gemm]:
        yield self.weights("router", experts.count, self.model.hidden, layers)
        loads = spread(experts, self.tokens, layers, self.seed)
        for load, count in sorted(loads.items(), reverse=True):
            yield from self._mlp("expert.", experts.width, count, load)
        if experts.shared_width:
            yield from self._mlp("shared.", experts.shared_width, layers)


def _attention(step: _Step, blocks: Counter[tuple[int, int]]) -> Iterator[Gemm]:
    attention = step.model.attention
    if isinstance(attention, GroupedAttention):
        yield from _grouped(step, attention, blocks)
        return
    yield from _latent_inputs(step, attention)
    products = _latent_prefill if step.phase == "prefill" else _latent_decode
    yield from products(step, attention, blocks)
    heads, layers = attention.heads, step.model.layers
    yield step.weights("o", step.model.hidden, heads * attention.v_dim, layers)


def _latent_prefill(
    step: _Step, attention: LatentAttention, blocks: Counter[tuple[int, int]]
) -> Iterator[Gemm]:
    """Keys and values of all heads are made, and each head meets its own."""
    heads, layers = attention.heads, step.model.layers
    kv = heads * (attention.nope + attention.v_dim)
    yield step.weights("kv_b", kv, attention.kv_rank, layers)
    for (queries, keys), count in blocks.items():
        yield step.cached("scores", queries, keys, attention.qk_dim, count * heads)
        yield step.cached("values", queries, attention.v_dim, keys, count * heads)


def _latent_decode(
    step: _Step, attention: LatentAttention, blocks: Counter[tuple[int, int]]
) -> Iterator[Gemm]:
    """Queries and results go through the weights instead; all heads meet the latent vectors."""
    heads, layers = attention.heads, step.model.layers
    yield step.weights("q_absorb", attention.kv_rank, attention.nope, layers * heads)
    for (queries, keys), count in blocks.items():
        rows = queries * heads
        yield step.cached("scores", rows, keys, attention.kv_elements, count)
        # The latent vectors are part of what the scores have fetched.
        yield step.cached("values", rows, attention.kv_rank, keys, count, fetched=False)
    yield step.weights("v_up", attention.v_dim, attention.kv_rank, layers * heads)


def _grouped(
    step: _Step, attention: GroupedAttention, blocks: Counter[tuple[int, int]]
) -> Iterator[Gemm]:
    model, head = step.model, attention.head_dim
    kv = attention.kv_heads * head
    parts = {"q": attention.heads * head, "k": kv, "v": kv}
    yield from step.joined("qkv", parts, model.hidden, model.layers)
    for (queries, keys), count in blocks.items():
        rows = queries * attention.group
        yield step.cached("scores", rows, keys, head, count * attention.kv_heads)
        yield step.cached("values", rows, head, keys, count * attention.kv_heads)
    yield step.weights("o", model.hidden, attention.heads * head, model.layers)


def _latent_inputs(step: _Step, attention: LatentAttention) -> Iterator[Gemm]:
    hidden, layers = step.model.hidden, step.model.layers
    queries = attention.heads * attention.qk_dim
    if attention.q_rank is None:
        parts = {"q": queries, "kv_a": attention.kv_elements}
        yield from step.joined("qkv_a", parts, hidden, layers)
        return
    parts = {"q_a": attention.q_rank, "kv_a": attention.kv_elements}
    yield from step.joined("qkv_a", parts, hidden, layers)
    yield step.weights("q_b", queries, attention.q_rank, layers)
