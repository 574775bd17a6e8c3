# SPDX-License-Identifier: Apache-2.0
"""Reads ``config.json`` in the form of the Hugging Face hub.

Each family is a function from the fields to the arguments of :class:`.ModelConfig`; it knows what the
family has that no field tells (norms of heads, biases, sinks) and what its fields mean where they are left
out. A family is told by ``model_type``, or else by the first of ``architectures``.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import WorkloadError, positive
from .model import Experts, GroupedAttention, LatentAttention

__all__ = ["FAMILIES", "read_fields"]

_MISSING = object()
_MOST_LAYERS = 10_000
_GEMMA3 = {
    "vocab_size": 262208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "sliding_window": 4096,
    "tie_word_embeddings": True,
}
"""Gemma 3 is published with those fields left out that have these values."""


class _Fields:
    """The fields of one ``config.json``."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def get(self, name: str, default: object = _MISSING) -> Any:
        """The value of a field; null is as good as absent."""
        value = self._data.get(name)
        if value is None:
            if default is _MISSING:
                raise WorkloadError(f"{name} must be given")
            return default
        return value

    def size(self, name: str, default: object = _MISSING) -> int:
        return positive(name, self.get(name, default))

    def maybe(self, name: str) -> int | None:
        value = self.get(name, None)
        return None if value is None else positive(name, value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise WorkloadError(f"{name} must be true or false, not {value!r}")
        return value

    def count(self, name: str, default: object = _MISSING) -> int:
        value = self.get(name, default)
        if type(value) is not int or value < 0:
            raise WorkloadError(f"{name} must be an integer from 0 on, not {value!r}")
        return value

    def over(self, defaults: dict[str, Any]) -> "_Fields":
        """These fields, and ``defaults`` where there are none."""
        return _Fields(defaults | {k: v for k, v in self._data.items() if v is not None})

    def index_list(self, name: str) -> list[int]:
        value = self.get(name, [])
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise WorkloadError(f"{name} must be a list of numbers of layers, not {value!r}")
        return value


def read_fields(source: Path | str | dict[str, Any], name: str | None) -> dict[str, Any]:
    """Arguments of :class:`.ModelConfig`; see its ``read``."""
    if isinstance(source, dict):
        return _arguments(source, name)
    path = Path(source)
    if path.is_dir():
        path /= "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WorkloadError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise WorkloadError(f"{path}: the text must be JSON: {error}") from error
    stem = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    try:
        return _arguments(data, name or stem)
    except WorkloadError as error:
        raise WorkloadError(f"{path}: {error}") from error


def _arguments(data: object, name: str | None) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise WorkloadError(f"a configuration must be a table of fields, not {data!r}")
    inner = data.get("text_config")
    if isinstance(inner, dict):  # with an image encoder beside it
        # Some files say these two of the whole alone.
        outer = {k: data[k] for k in ("model_type", "tie_word_embeddings") if k in data}
        data = outer | inner
    family = _family(data)
    fields = _Fields(data)
    layers = fields.size("num_hidden_layers")
    if layers > _MOST_LAYERS:  # each layer is an object
        raise WorkloadError(f"num_hidden_layers must be at most {_MOST_LAYERS}, not {layers}")
    common = {
        "name": name or family,
        "family": family,
        "hidden": fields.size("hidden_size"),
    }
    arguments = common | FAMILIES[family](fields)
    if "vocab" not in arguments:
        arguments["vocab"] = fields.size("vocab_size")
        arguments["tied"] = fields.flag("tie_word_embeddings")
    return {"windows": (None,) * layers, "sparse": (False,) * layers} | arguments


def _family(data: dict[str, Any]) -> str:
    kind = data.get("model_type")
    if kind in tuple(FAMILIES):  # which may be anything, not hashable too
        return str(kind)
    architectures = data.get("architectures")
    if isinstance(architectures, list) and architectures:
        for family, architecture in _ARCHITECTURES.items():
            if architectures[0] == architecture:
                return family
    if kind is None and not architectures:
        raise WorkloadError("model_type must be given")
    shown = repr(kind) if kind is not None else repr(architectures)
    raise WorkloadError(f"model_type must be one of {', '.join(FAMILIES)}, not {shown}")


# What families have in common.


def _grouped(f: _Fields, **more: bool) -> GroupedAttention:
    bias = f.flag("attention_bias")
    return GroupedAttention(
        heads=f.size("num_attention_heads"),
        kv_heads=f.size("num_key_value_heads"),
        head_dim=f.size("head_dim"),
        **({"qkv_bias": bias, "o_bias": bias} | more),
    )


def _split_hidden(f: _Fields) -> _Fields:
    """With a ``head_dim``, which in the older families is the share of a head in ``hidden_size``."""
    heads, hidden = f.size("num_attention_heads"), f.size("hidden_size")
    if f.maybe("head_dim") is None and hidden % heads:
        raise WorkloadError(
            f"hidden_size must be a multiple of num_attention_heads ({heads}) where head_dim is not "
            f"given, not {hidden}"
        )
    return f.over({"head_dim": hidden // heads})


def _windows(f: _Fields, local: Callable[[int], bool]) -> tuple[int | None, ...]:
    """Windows by ``layer_types``; where the file has none, a layer is local if ``local(i)``."""
    layers = f.size("num_hidden_layers")
    kinds = f.get("layer_types", None)
    if kinds is None:
        kinds = ["sliding_attention" if local(i) else "full_attention" for i in range(layers)]
    if not isinstance(kinds, list) or len(kinds) != layers:
        shown = len(kinds) if isinstance(kinds, list) else repr(kinds)
        raise WorkloadError(
            f"layer_types must have an entry for each of {layers} layers, not {shown}"
        )
    for kind in kinds:
        if kind not in ("sliding_attention", "full_attention"):
            raise WorkloadError(
                f"layer_types must be of sliding_attention and full_attention, not {kind!r}"
            )
    if "sliding_attention" not in kinds:
        return (None,) * layers
    window = f.size("sliding_window")
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def _dense(f: _Fields) -> dict[str, Any]:
    return {"mlp_width": f.size("intermediate_size")}


def _all_layers(f: _Fields) -> dict[str, Any]:
    return {"sparse": (True,) * f.size("num_hidden_layers")}


# The families.


def _llama(f: _Fields) -> dict[str, Any]:
    f = _split_hidden(f).over({"num_key_value_heads": f.size("num_attention_heads")})
    return {"attention": _grouped(f), "mlp_bias": f.flag("mlp_bias")} | _dense(f)


def _mistral(f: _Fields) -> dict[str, Any]:
    # Without layer_types a window is that of all layers, and null is none.
    windows = _windows(f, lambda _: f.maybe("sliding_window") is not None)
    return {"attention": _grouped(_split_hidden(f)), "windows": windows} | _dense(f)


def _mixtral(f: _Fields) -> dict[str, Any]:
    experts = Experts(
        count=f.size("num_local_experts"),
        top_k=f.size("num_experts_per_tok"),
        width=f.size("intermediate_size"),
    )
    windows = _windows(f, lambda _: f.maybe("sliding_window") is not None)
    attention = _grouped(_split_hidden(f))
    return {"attention": attention, "windows": windows, "experts": experts} | _all_layers(f)


def _qwen3_attention(f: _Fields) -> dict[str, Any]:
    windows: tuple[int | None, ...] = (None,) * f.size("num_hidden_layers")
    if f.flag("use_sliding_window"):
        f.get("layer_types")  # which layers are local differs between versions
        windows = _windows(f, lambda _: False)
    return {"attention": _grouped(f, head_norms=True), "windows": windows}


def _qwen3(f: _Fields) -> dict[str, Any]:
    return _qwen3_attention(f) | _dense(f)


def _qwen3_moe(f: _Fields) -> dict[str, Any]:
    experts = Experts(
        count=f.size("num_experts"),
        top_k=f.size("num_experts_per_tok"),
        width=f.size("moe_intermediate_size"),
    )
    step, dense = f.size("decoder_sparse_step", 1), f.index_list("mlp_only_layers")
    layers = range(f.size("num_hidden_layers"))
    sparse = tuple(i not in dense and (i + 1) % step == 0 for i in layers)
    more = {} if all(sparse) else _dense(f)
    return _qwen3_attention(f) | more | {"experts": experts, "sparse": sparse}


def _gemma3(f: _Fields) -> dict[str, Any]:
    f = f.over(_GEMMA3)
    pattern = f.size("sliding_window_pattern", f.get("_sliding_window_pattern", 6))
    return {
        "attention": _grouped(f, head_norms=True),
        "windows": _windows(f, lambda i: (i + 1) % pattern != 0),
        "vocab": f.size("vocab_size"),
        "tied": f.flag("tie_word_embeddings"),
        "norms": 4,  # before and behind attention and MLP
    } | _dense(f)


def _gpt_oss(f: _Fields) -> dict[str, Any]:
    experts = Experts(
        count=f.size("num_local_experts"),
        top_k=f.size("num_experts_per_tok"),
        width=f.size("intermediate_size"),
        router_bias=True,
        bias=True,
    )
    attention = _grouped(f, qkv_bias=True, o_bias=True, sinks=True)
    windows = _windows(f, lambda i: i % 2 == 0)
    return {"attention": attention, "windows": windows, "experts": experts} | _all_layers(f)


def _deepseek_v3(f: _Fields) -> dict[str, Any]:
    attention = LatentAttention(
        heads=f.size("num_attention_heads"),
        q_rank=f.maybe("q_lora_rank"),
        kv_rank=f.size("kv_lora_rank"),
        nope=f.size("qk_nope_head_dim"),
        rope=f.size("qk_rope_head_dim"),
        v_dim=f.size("v_head_dim"),
    )
    width = f.size("moe_intermediate_size")
    experts = Experts(
        count=f.size("n_routed_experts"),
        top_k=f.size("num_experts_per_tok"),
        width=width,
        shared_width=width * f.count("n_shared_experts", 0),
        router_bias=True,  # what corrects the balance of the experts
    )
    first, step = f.count("first_k_dense_replace"), f.size("moe_layer_freq", 1)
    layers = range(f.size("num_hidden_layers"))
    sparse = tuple(i >= first and i % step == 0 for i in layers)
    more = {} if all(sparse) else _dense(f)
    return {"attention": attention, "experts": experts, "sparse": sparse} | more


FAMILIES: dict[str, Callable[[_Fields], dict[str, Any]]] = {
    "llama": _llama,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "gemma3": _gemma3,
    "gemma3_text": _gemma3,
    "gpt_oss": _gpt_oss,
    "deepseek_v3": _deepseek_v3,
}
"""Reader of each family, by ``model_type``."""

_ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "gemma3": "Gemma3ForConditionalGeneration",
    "gemma3_text": "Gemma3ForCausalLM",
    "gpt_oss": "GptOssForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM",
}
