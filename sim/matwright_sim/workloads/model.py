# SPDX-License-Identifier: Apache-2.0
"""A language model as dimensions: how many parameters it has, and how much cache a token takes.

What is counted is the decoder of text, with its embeddings, norms and biases: no image encoder, and no
layer that only predicts further tokens (DeepSeek-V3's MTP).
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .errors import WorkloadError, positive

__all__ = ["Experts", "GroupedAttention", "LatentAttention", "ModelConfig"]


@dataclass(frozen=True, kw_only=True)
class GroupedAttention:
    """Attention in which ``heads // kv_heads`` query heads share keys and values."""

    heads: int
    kv_heads: int
    head_dim: int
    qkv_bias: bool = False
    o_bias: bool = False
    head_norms: bool = False
    """Queries and keys are normalized, each with ``head_dim`` factors."""
    sinks: bool = False
    """A learned logit for each head."""

    def __post_init__(self) -> None:
        for name, value in (
            ("num_attention_heads", self.heads),
            ("num_key_value_heads", self.kv_heads),
            ("head_dim", self.head_dim),
        ):
            positive(name, value)
        if self.heads % self.kv_heads:
            raise WorkloadError(
                f"num_attention_heads must be a multiple of num_key_value_heads ({self.kv_heads}), "
                f"not {self.heads}"
            )

    @property
    def group(self) -> int:
        """Query heads that share one head of keys and values."""
        return self.heads // self.kv_heads

    @property
    def kv_elements(self) -> int:
        """Elements that a token adds to the cache of a layer."""
        return 2 * self.kv_heads * self.head_dim

    def matrices(self, hidden: int) -> int:
        """Elements of the weight matrices of a layer."""
        return 2 * hidden * (self.heads + self.kv_heads) * self.head_dim

    def vectors(self, hidden: int) -> int:
        """Elements of biases, norms and sinks of a layer."""
        rows = (self.heads + 2 * self.kv_heads) * self.head_dim if self.qkv_bias else 0
        norms = 2 * self.head_dim if self.head_norms else 0
        return rows + norms + (hidden if self.o_bias else 0) + (self.heads if self.sinks else 0)


@dataclass(frozen=True, kw_only=True)
class LatentAttention:
    """Multi-head latent attention: keys and values of all heads are made from one short vector.

    DeepSeek-V2, arXiv 2405.04434, section 2.1.
    """

    heads: int
    q_rank: int | None
    """Length of the queries' own latent vector; None where queries are made directly."""
    kv_rank: int
    nope: int
    """Elements of a head that carry no position (``qk_nope_head_dim``)."""
    rope: int
    """Elements that do, of each query and of the one key of all heads (``qk_rope_head_dim``)."""
    v_dim: int

    def __post_init__(self) -> None:
        names = {"num_attention_heads": self.heads, "kv_lora_rank": self.kv_rank}
        names |= {"qk_nope_head_dim": self.nope, "qk_rope_head_dim": self.rope}
        names |= {"v_head_dim": self.v_dim}
        if self.q_rank is not None:
            names["q_lora_rank"] = self.q_rank
        for name, value in names.items():
            positive(name, value)

    @property
    def qk_dim(self) -> int:
        """Length of a query."""
        return self.nope + self.rope

    @property
    def kv_elements(self) -> int:
        """Elements that a token adds to the cache of a layer: the latent vector and one key part."""
        return self.kv_rank + self.rope

    def matrices(self, hidden: int) -> int:
        """Elements of the weight matrices of a layer."""
        q = hidden if self.q_rank is None else self.q_rank
        down = hidden * self.kv_elements + (0 if self.q_rank is None else hidden * q)
        up = q * self.heads * self.qk_dim + self.kv_rank * self.heads * (self.nope + self.v_dim)
        return down + up + self.heads * self.v_dim * hidden

    def vectors(self, hidden: int) -> int:
        """Elements of the norms of a layer."""
        return self.kv_rank + (self.q_rank or 0)


@dataclass(frozen=True, kw_only=True)
class Experts:
    """A gated MLP of which a router picks ``top_k`` out of ``count`` for each token."""

    count: int
    top_k: int
    width: int
    shared_width: int = 0
    """Width of the experts that every token passes, together."""
    router_bias: bool = False
    bias: bool = False

    def __post_init__(self) -> None:
        for name, value in (
            ("the number of experts", self.count),
            ("num_experts_per_tok", self.top_k),
            ("the width of an expert", self.width),
        ):
            positive(name, value)
        if self.top_k > self.count:
            raise WorkloadError(
                f"num_experts_per_tok must be at most the number of experts ({self.count}), "
                f"not {self.top_k}"
            )

    def matrices(self, hidden: int, used: int) -> int:
        """Elements of router, shared experts and ``used`` experts."""
        return hidden * (self.count + 3 * (self.shared_width + used * self.width))

    def vectors(self, hidden: int, used: int) -> int:
        """Elements of the biases of router and ``used`` experts."""
        router = self.count if self.router_bias else 0
        return router + (used * (2 * self.width + hidden) if self.bias else 0)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The dimensions of one model. Each layer is attention, then an MLP or experts."""

    name: str
    family: str
    """``model_type`` of its configuration."""
    hidden: int
    vocab: int
    tied: bool
    """The matrix of the embedding is that of the output."""
    attention: GroupedAttention | LatentAttention
    windows: tuple[int | None, ...]
    """For each layer how many tokens a query sees at most; None for all."""
    sparse: tuple[bool, ...]
    """For each layer whether it has experts."""
    mlp_width: int = 0
    """Of the gated MLP of the layers without experts; 0 where there are none."""
    mlp_bias: bool = False
    experts: Experts | None = None
    norms: int = 2
    """Norms of a layer, those of attention itself not among them."""

    def __post_init__(self) -> None:
        positive("hidden_size", self.hidden)
        positive("vocab_size", self.vocab)
        positive("num_hidden_layers", len(self.windows))
        for window in self.windows:
            if window is not None:
                positive("sliding_window", window)
        if len(self.sparse) != len(self.windows):
            raise WorkloadError(
                f"sparse must have an entry for each of the {len(self.windows)} layers, "
                f"not {len(self.sparse)}"
            )
        if not all(self.sparse):
            positive("intermediate_size", self.mlp_width)
        if any(self.sparse) and self.experts is None:
            raise WorkloadError("experts must be given where a layer has experts, not None")

    @classmethod
    def read(cls, source: Path | str | dict[str, Any], name: str | None = None) -> Self:
        """The model of a ``config.json`` in the form of the Hugging Face hub, a path or its contents.

        ``name`` is what the model is called; without one, the folder or the file, or its ``model_type``.
        Fields that do not matter here are ignored. Raises :class:`.WorkloadError` for a file that
        cannot be read, a family that is not known, and a field that is missing or cannot be; a path
        comes first in the message.
        """
        from .hugging_face import read_fields  # knows this module

        return cls(**read_fields(source, name))

    @property
    def layers(self) -> int:
        """Layers of the decoder."""
        return len(self.windows)

    # Parameters.

    @property
    def parameters(self) -> int:
        """All parameters; a matrix that is both embedding and output counts once."""
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2)
        return embeddings + self._layers(self.experts.count if self.experts else 0)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token meets: the output matrix and of the experts ``top_k`` in each layer.

        The embedding is not among them, because of it a token reads one row.
        """
        head = self.vocab * self.hidden
        return head + self._layers(self.experts.top_k if self.experts else 0)

    @property
    def weight_macs(self) -> int:
        """Multiply-accumulates with weights for one token, the output matrix included."""
        used = self.experts.top_k if self.experts else 0
        return self.vocab * self.hidden + sum(
            self._matrices(sparse, used) for sparse in self.sparse
        )

    def _layers(self, used: int) -> int:
        """Elements of all layers and of the last norm, with ``used`` experts in a sparse layer."""
        of_layers = sum(
            self._matrices(sparse, used) + self._vectors(sparse, used) for sparse in self.sparse
        )
        return of_layers + self.hidden

    def _matrices(self, sparse: bool, used: int) -> int:
        attention = self.attention.matrices(self.hidden)
        if sparse and self.experts:
            return attention + self.experts.matrices(self.hidden, used)
        return attention + 3 * self.hidden * self.mlp_width

    def _vectors(self, sparse: bool, used: int) -> int:
        vectors = self.attention.vectors(self.hidden) + self.norms * self.hidden
        if sparse and self.experts:
            return vectors + self.experts.vectors(self.hidden, used)
        return vectors + (2 * self.mlp_width + self.hidden if self.mlp_bias else 0)

    # The cache of keys and values.

    def layers_by_context(self, context: int) -> dict[int, int]:
        """How many layers see how many tokens, where a query could see ``context`` of them."""
        positive("context", context)
        seen = (context if w is None else min(w, context) for w in self.windows)
        return dict(sorted(Counter(seen).items()))

    def kv_elements(self, context: int) -> int:
        """Elements of the cache of one sequence of ``context`` tokens; a window keeps no more than itself."""
        tokens = sum(seen * count for seen, count in self.layers_by_context(context).items())
        return tokens * self.attention.kv_elements

    def kv_bytes(self, context: int, element_bits: int = 16) -> int:
        """Bytes of the cache of one sequence of ``context`` tokens."""
        return -(-self.kv_elements(context) * positive("element_bits", element_bits) // 8)

    def kv_bytes_per_token(self, element_bits: int = 16) -> int:
        """Bytes that a token adds while no window is full."""
        return self.kv_bytes(1, element_bits)
