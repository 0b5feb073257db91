"""torch's attention written with the two linear layers that it is made of, so that these can be looked at.

nn.MultiheadAttention keeps the weights for queries, keys and values in one matrix of its own, and applies neither that
nor its last layer as a module.
"""

from torch import Tensor, nn

from measures.errors import NotApplicable

NO_MASKS = "key_padding_mask", "attn_mask"


class AttentionOfLinearLayers(nn.Module):
    """Self-attention of `num_heads` heads: `in_proj` (3 width, width) for queries, keys and values, and `out_proj`."""

    in_proj_bias = None  # nn.TransformerEncoderLayer asks for it, and then runs its layers one by one

    def __init__(self, attention: nn.MultiheadAttention):
        super().__init__()
        self.num_heads, self.batch_first = attention.num_heads, attention.batch_first
        self._qkv_same_embed_dim = True
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        self.in_proj = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
        self.in_proj.weight, self.in_proj.bias = weight, bias
        inner = attention.out_proj
        self.out_proj = nn.Linear(inner.in_features, inner.out_features, device="meta")
        self.out_proj.weight, self.out_proj.bias = inner.weight, inner.bias

    def forward(self, query: Tensor, key: Tensor, value: Tensor, **options: object) -> tuple[Tensor, None]:
        if query is not key or key is not value:
            raise NotApplicable("attention between two sequences has no weight layers that are known")
        if any(options.get(mask) is not None for mask in NO_MASKS) or options.get("is_causal"):
            raise NotApplicable("attention with a mask has no weight layers that are known")
        x = query if self.batch_first or query.ndim == 2 else query.transpose(0, 1)
        q, k, v = self.in_proj(x).unflatten(-1, (3, self.num_heads, -1)).movedim(-3, 0).transpose(-3, -2)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        heads = (scores.softmax(dim=-1) @ v).transpose(-3, -2).flatten(-2)
        returned = self.out_proj(heads)
        return returned if self.batch_first or query.ndim == 2 else returned.transpose(0, 1), None


def of_linear_layers(name: str, attention: nn.MultiheadAttention) -> AttentionOfLinearLayers:
    """The same self-attention, its parameters shared; NotApplicable for kinds of attention that differ."""
    if not attention._qkv_same_embed_dim or attention.bias_k is not None or attention.add_zero_attn:
        raise NotApplicable(f"attention {name!r} has keys or values of another width, or rows added to them: not known")
    return AttentionOfLinearLayers(attention).train(attention.training)
