"""Losses with proxies as pytorch-metric-learning 2.8 computes them (Kevin Musgrave, MIT licence); see losses.py.

Each is a function of (embeddings, labels, proxies) -> scalar. Proxies are D x C for all but Proxy-Anchor and ProxyNCA, as there.
"""
import math

import torch
import torch.nn.functional as F

from pair_losses import shares_of
from pairs import cosine, logsumexp, mean, squared_l2


def weights_of(labels, dtype):
    """What a miner says of each image: 1 without one."""
    return torch.ones_like(labels, dtype=dtype)


def proxy_anchor(alpha=32.0, margin=0.1):
    def loss(x, labels, proxies):
        shift = weights_of(labels, x.dtype).unsqueeze(1) - 1
        s = cosine(x, proxies)
        own = F.one_hot(labels, len(proxies))
        there = torch.where(torch.sum(own, dim=0) != 0)[0]
        pull = logsumexp(alpha * (margin - s) + shift, own.bool(), dim=0)
        push = logsumexp(alpha * (s + margin) + shift, (1 - own).bool(), dim=0)
        return torch.sum(pull) / len(there) + torch.sum(push) / len(proxies)

    return loss


def proxy_nca(scale):
    def loss(x, labels, proxies):
        return shares_of(-squared_l2(x, proxies) * scale, labels.unsqueeze(1) == torch.arange(len(proxies)).unsqueeze(0))

    return loss


def entropy(logits, labels):
    return mean(F.cross_entropy(logits, labels, reduction="none") * weights_of(labels, logits.dtype))


def normalised_softmax(temperature=0.05):
    return lambda x, labels, proxies: entropy(cosine(x, proxies.t()) / temperature, labels)


def with_margin(changed, scale=64.0, centres=1):
    """LargeMarginSoftmaxLoss: the cosine of the own class is changed."""

    def loss(x, labels, proxies):
        s = cosine(x, proxies.t())
        if centres > 1:
            s, _ = s.view(len(labels), -1, centres).max(dim=2)
        mask = torch.zeros(s.shape, dtype=s.dtype)
        mask[torch.arange(len(labels)), labels] = 1
        own = s[mask == 1]
        difference = (changed(own) - own).unsqueeze(1)
        return entropy((s + mask * difference) * scale, labels)

    return loss


def cos_face(margin=0.35):
    return with_margin(lambda own: own - margin)


def arc_face(degrees=28.6, centres=1):
    margin = math.radians(degrees)

    def changed(own):
        angle = torch.acos(torch.clamp(own, -1 + 1e-7, 1 - 1e-7))
        beyond = torch.cos(angle) - margin * math.sin(margin)
        return torch.where(angle <= math.pi - margin, torch.cos(angle + margin), beyond)

    return with_margin(changed, centres=centres)


def soft_triple(centres=10, la=20.0, gamma=0.1, margin=0.01):
    def loss(x, labels, proxies):
        s = cosine(x, proxies.t()).view(len(labels), -1, centres)
        s = torch.sum(F.softmax(s / gamma, dim=2) * s, dim=2)
        margins = torch.zeros(s.shape, dtype=s.dtype)
        margins[torch.arange(len(labels)), labels] = margin
        return entropy(la * (s - margins), labels)

    return loss
