"""Small transformers: one network in three implementations, and one whose numbers fit on paper."""

from math import sqrt

import torch
from torch import nn
from torch.nn import functional as F

SHAPE = (3, 8, 12)
GRID = (2, 3)


class Attention(nn.Module):
    """Several heads, by torch's fast function, by an explicit softmax, or by one over heads and images together."""

    def __init__(self, width, heads, manner):
        super().__init__()
        self.heads, self.manner = heads, manner
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(self.mixed(q, k, v).transpose(1, 2).flatten(2))

    def mixed(self, q, k, v):
        if self.manner == "fast":
            return F.scaled_dot_product_attention(q, k, v)
        if self.manner == "joined":
            q, k, v = (part.flatten(0, 1) for part in (q, k, v))
        weights = torch.softmax(q @ k.transpose(-2, -1) / sqrt(q.shape[-1]), dim=-1)
        return (weights @ v).unflatten(0, (-1, self.heads)) if self.manner == "joined" else weights @ v


class Torchs(nn.MultiheadAttention):
    """Torch's own, with the weights of `Attention`."""

    def __init__(self, other):
        super().__init__(other.out.in_features, other.heads, batch_first=True)
        pairs = ((self.in_proj_weight, other.qkv.weight), (self.in_proj_bias, other.qkv.bias))
        for own, given in (*pairs, (self.out_proj.weight, other.out.weight), (self.out_proj.bias, other.out.bias)):
            own.data.copy_(given.data)

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class Block(nn.Module):
    def __init__(self, width, attention):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(width), attention
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.mlp(x)


class Transformer(nn.Module):
    """Patches of 4 x 4 pixels, tokens in front of them, blocks; scores from the first token or from the mean."""

    def __init__(self, manner="fast", *, front=1, pooled=False, width=8, heads=2, depth=2):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.pooled = nn.Conv2d(3, width, 4, stride=4), pooled
        self.front = nn.Parameter(torch.randn(1, front, width))
        own = [Attention(width, heads, manner) for _ in range(depth)]
        for attention in own:
            attention.qkv.weight.data *= 4  # so that attention is far from uniform
        self.blocks = nn.Sequential(*(Block(width, a) for a in own))
        self.head = nn.Linear(width, 3)
        if manner == "torch":
            for block in self.blocks:
                block.attention = Torchs(block.attention)
        self.eval().requires_grad_(False)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = self.blocks(torch.cat([self.front.expand(len(x), -1, -1), x], dim=1))
        return self.head(x[:, self.front.shape[1] :].mean(1) if self.pooled else x[:, 0])


def images(count=2, shape=SHAPE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))
