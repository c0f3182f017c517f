"""Losses of pairs and triplets as pytorch-metric-learning 2.8 computes them (Kevin Musgrave, MIT licence); see losses.py.

Each is a function of (embeddings, labels, what a miner found or None) -> scalar.
"""
import math

import torch
import torch.nn.functional as F

import pairs
from pairs import cosine, l2, logsumexp, mean, non_zero, squared_l2


def pair_based(distance, term):
    def loss(x, labels, found):
        found = pairs.as_pairs(found, labels)
        mat = distance(x)
        return term(mat[found[0], found[1]], mat[found[2], found[3]], found)

    return loss


def matrix_based(distance, term):
    def loss(x, labels, found):
        found = pairs.as_pairs(found, labels)
        mat = distance(x)
        return term(mat, *pairs.masks(found, mat))

    return loss


def contrastive(positive=0.0, negative=1.0):
    return pair_based(l2, lambda p, n, _: non_zero(F.relu(p - positive)) + non_zero(F.relu(negative - n)))


def contrastive_cosine(positive=1.0, negative=0.5):
    return pair_based(cosine, lambda p, n, _: non_zero(F.relu(positive - p)) + non_zero(F.relu(n - negative)))


def triplet(margin=0.2):
    def loss(x, labels, found):
        a, p, n = pairs.as_triplets(found, labels)
        if len(a) == 0:
            return torch.sum(x * 0)
        mat = l2(x)
        return non_zero(F.relu(mat[a, p] - mat[a, n] + margin))

    return loss


def margin(beta, width=0.2):
    def loss(x, labels, found):
        a, p, n = pairs.as_triplets(found, labels)
        mat = l2(x)
        pull, push = F.relu(mat[a, p] - beta + width), F.relu(beta - mat[a, n] + width)
        return pairs.over(pull + push, torch.sum(pull > 0.0) + torch.sum(push > 0.0))

    return loss


def multi_similarity(alpha=2.0, beta=40.0, base=0.5):
    def term(mat, positive, negative):
        pull = logsumexp(alpha * (base - mat), positive.bool()) / alpha
        push = logsumexp(beta * (mat - base), negative.bool()) / beta
        return mean(pull + push)

    return matrix_based(cosine, term)


def nt_xent(temperature=0.07):
    def term(p, n, found):
        p, n = p.unsqueeze(1) / temperature, n / temperature
        own = (found[2].unsqueeze(0) == found[0].unsqueeze(1)).to(n.dtype)
        n = n * own
        n[own == 0] = torch.finfo(n.dtype).min
        greatest = torch.max(p, torch.max(n, dim=1, keepdim=True)[0]).detach()
        numerator = torch.exp(p - greatest).squeeze(1)
        denominator = torch.sum(torch.exp(n - greatest), dim=1) + numerator
        return mean(-torch.log(numerator / denominator + torch.finfo(n.dtype).tiny))

    return pair_based(cosine, term)


def sup_con(temperature=0.1):
    def term(mat, positive, negative):
        if not (positive.bool().any() and negative.bool().any()):
            return torch.sum(mat * 0)
        mat = mat / temperature
        mat = mat - mat.max(dim=1, keepdim=True)[0].detach()
        log_share = mat - logsumexp(mat, (positive + negative).bool(), add_one=False)
        return non_zero(-(positive * log_share).sum(dim=1) / (positive.sum(dim=1) + torch.finfo(mat.dtype).tiny))

    return matrix_based(cosine, term)


def circle(m=0.4, gamma=80.0):
    def term(mat, positive, negative):
        is_positive, is_negative = positive.bool(), negative.bool()
        p, n = mat[is_positive], mat[is_negative]
        new = torch.zeros_like(mat)
        new[is_positive] = -gamma * torch.relu(1 + m - p.detach()) * (p - (1 - m))
        new[is_negative] = gamma * torch.relu(n.detach() + m) * (n - m)
        losses = F.softplus(logsumexp(new, is_positive, add_one=False) + logsumexp(new, is_negative, add_one=False))
        without = torch.where((torch.sum(positive, dim=1) == 0) | (torch.sum(negative, dim=1) == 0))[0]
        final = torch.ones_like(losses)
        final[without] = 0
        return non_zero(losses * final)

    return matrix_based(cosine, term)


def fast_ap(bins=10):
    def loss(x, labels, found):
        positive, negative = pairs.masks(pairs.all_pairs(labels), torch.empty(len(labels), len(labels), dtype=x.dtype))
        count = torch.sum(positive, dim=1)
        safe = count > 0
        mat = squared_l2(x)
        delta = 4.0 / bins
        middles = torch.linspace(0.0, 4.0, steps=bins + 1).view(-1, 1, 1).to(x.dtype)
        pulse = F.relu(1 - torch.abs(mat - middles) / delta)
        of_positives = torch.t(torch.sum(pulse * positive, dim=2))
        of_negatives = torch.t(torch.sum(pulse * negative, dim=2))
        total = torch.cumsum(of_positives + of_negatives, dim=1)
        product = of_positives * torch.cumsum(of_positives, dim=1)
        there = (product > 0) & (total > 0)
        if torch.sum(there) == 0:
            return torch.sum(x * 0)
        ap = torch.zeros_like(of_positives)
        ap[there] = product[there] / total[there]
        ap = torch.sum(ap, dim=1)[safe] / count[safe]
        return mean(1 - ap)

    return loss


def n_pairs():
    def loss(x, labels, found):
        import numpy

        a, p, _, _ = pairs.as_pairs(found, labels)
        _, first = numpy.unique(labels[a].numpy(), return_index=True)
        a, p = a[first], p[first]
        return mean(F.cross_entropy(cosine(x[a], x[p]), torch.arange(len(a)), reduction="none"))

    return loss


def lifted(positive=0.0, negative=1.0):
    def term(mat, is_positive, is_negative):
        pull = logsumexp(mat - positive, is_positive.bool(), add_one=False)
        push = logsumexp(negative - mat, is_negative.bool(), add_one=False)
        return mean(torch.relu(pull + push))

    return matrix_based(l2, term)


def angular(degrees=40.0):
    def loss(x, labels, found):
        a, p, _, _ = pairs.as_pairs(found, labels)
        anchors, positives = F.normalize(x[a]), F.normalize(x[p])
        others = labels[a].unsqueeze(1) != labels.unsqueeze(0)
        t = math.tan(math.radians(degrees)) ** 2
        dots = torch.sum(anchors * positives, dim=1, keepdim=True)
        to_all = torch.matmul(anchors + positives, x.unsqueeze(2)).squeeze(2).t()
        return mean(logsumexp(4 * t * to_all - 2 * (1 + t) * dots, others))

    return loss


def tuplet_margin(degrees=5.73, scale=64.0):
    def term(p, n, found):
        p = torch.cos(torch.acos(p) - math.radians(degrees)).unsqueeze(1)
        n = n.repeat(p.size(0), 1)
        own = found[2].unsqueeze(0) == found[0].unsqueeze(1)
        return mean(logsumexp(scale * (n - p), own))

    return pair_based(cosine, term)


def intra_pair_variance(positive=0.01, negative=0.01):
    def term(p, n, _):
        pull = F.relu((1 - positive) * torch.mean(p) - p) ** 2
        push = F.relu(n - (1 + negative) * torch.mean(n)) ** 2
        return mean(pull) + mean(push)

    return pair_based(cosine, term)


def histogram(bins=100):
    width = 2 / bins

    def distinct(*columns):
        both, _ = torch.sort(torch.stack(columns), dim=0)
        return torch.unique(both, dim=1).tolist()

    def density(s):
        place = torch.floor((s.float() + 1) / width).long()
        above, below = (s + 1 - place * width) / width, ((place + 1) * width - 1 - s) / width
        found = torch.zeros(round(1 + 2 / width), dtype=s.dtype)
        found.scatter_add_(0, place + 1, above)
        found.scatter_add_(0, place, below)
        return found / s.size(0)

    def loss(x, labels, found):
        a, p, n = pairs.as_triplets(found, labels)
        mat = cosine(x)
        of_positives, of_negatives = mat[distinct(a, p)], mat[distinct(a, n)]
        cumulated = torch.cumsum(density(of_positives), dim=0)
        return torch.sum(density(of_negatives) * cumulated)

    return loss


def nca(scale=1.0):
    def loss(x, labels, found):
        mat = -squared_l2(x)
        mat.fill_diagonal_(torch.finfo(mat.dtype).min)
        return shares_of(mat * scale, labels.unsqueeze(1) == labels.unsqueeze(0))

    return loss


def shares_of(logits, same):
    share = torch.sum(F.softmax(logits, dim=1) * same.to(logits.dtype), dim=1)
    return mean(-torch.log(share[share != 0]))


def sigmoid(x, temperature):
    return 1.0 / (1.0 + torch.exp(torch.clamp(-x / temperature, min=-50, max=50)))


def smooth_ap(temperature=0.01):
    """Numbers of B x B x B; classes in succession, all of one size."""

    def loss(x, labels, found):
        count, classes = len(labels), len(torch.unique(labels))
        each = count // classes
        mask = (1.0 - torch.eye(count)).unsqueeze(0).repeat(count, 1, 1)
        mat = cosine(x).unsqueeze(1).repeat(1, count, 1)
        rank = torch.sum(torch.sigmoid((mat - mat.permute(0, 2, 1)) / temperature) * mask, dim=-1) + 1
        own = F.normalize(x.view(classes, each, -1), dim=-1)
        own = torch.matmul(own, own.transpose(-2, -1)).unsqueeze(2).repeat(1, 1, each, 1)
        own_mask = (1.0 - torch.eye(each)).unsqueeze(0).unsqueeze(0).repeat(classes, each, 1, 1)
        own_rank = torch.sum(torch.sigmoid((own - own.permute(0, 1, 3, 2)) / temperature) * own_mask, dim=-1) + 1
        ap = torch.zeros(count, dtype=x.dtype)
        for i in range(classes):
            for j in range(each):
                ap[i * each + j] = torch.sum(own_rank[i, j] / rank[i * each + j, i * each : (i + 1) * each]) / each
        return mean(1 - ap)

    return loss


def pnp(alpha=1.0, temperature=0.01):
    """The variant Dq. Numbers of B x B x B."""

    def loss(x, labels, found):
        count = len(labels)
        positive, negative = pairs.masks(pairs.all_pairs(labels), torch.empty(count, count, dtype=x.dtype))
        positive.fill_diagonal_(1)
        mask = negative.unsqueeze(0).repeat(count, 1, 1)
        mat = cosine(x).unsqueeze(1).repeat(1, count, 1)
        before = torch.sum(sigmoid(mat - mat.permute(0, 2, 1), temperature) * mask, dim=-1)
        weighed = 1 / (1 + before) ** alpha
        return 1 - torch.sum(torch.sum(weighed * positive, dim=-1) / torch.sum(positive, dim=1)) / count

    return loss
