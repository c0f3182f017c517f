"""Pairs and triplets of a batch, distances, reducers and miners, by the tensor operations of pytorch-metric-learning 2.8 (Kevin Musgrave, MIT licence).

Written anew for these benchmarks and much shorter: what is kept is which tensors are made and by what operations (utils/loss_and_miner_utils.py, distances/,
reducers/, miners/), what is left out are its records, checks and options that are off. A pair of index tensors names pairs, three name triplets.
"""
import torch
from torch.nn.functional import normalize


def matches(labels):
    same = (labels.unsqueeze(1) == labels.unsqueeze(0)).byte()
    differ = same ^ 1
    same.fill_diagonal_(0)
    return same, differ


def all_pairs(labels):
    same, differ = matches(labels)
    return *torch.where(same), *torch.where(differ)


def all_triplets(labels):
    """A mask of B x B x B, as there below 2^31 entries."""
    same, differ = matches(labels)
    return torch.where(same.unsqueeze(2) * differ.unsqueeze(1))


def as_pairs(found, labels):
    if found is None:
        return all_pairs(labels)
    return found if len(found) == 4 else (found[0], found[1], found[0], found[2])


def as_triplets(found, labels):
    if found is None:
        return all_triplets(labels)
    if len(found) == 3:
        return found
    a1, p, a2, n = found
    pair, other = torch.where(a1.unsqueeze(1) == a2)
    return a1[pair], p[pair], n[other]


def masks(found, mat):
    a1, p, a2, n = found
    positive, negative = torch.zeros_like(mat), torch.zeros_like(mat)
    positive[a1, p] = 1
    negative[a2, n] = 1
    return positive, negative


def logsumexp(x, keep, add_one=True, dim=1):
    x = x.masked_fill(~keep, torch.finfo(x.dtype).min)
    if add_one:
        zeros = torch.zeros(x.size(dim - 1), dtype=x.dtype).unsqueeze(dim)
        x = torch.cat([x, zeros], dim=dim)
    found = torch.logsumexp(x, dim=dim, keepdim=True)
    return found.masked_fill(~torch.any(keep, dim=dim, keepdim=True), 0)


# Distances: LpDistance, its square, and CosineSimilarity, all of normalised embeddings.

def l2(x, y=None):
    x = normalize(x, p=2, dim=1)
    return torch.cdist(x, x if y is None else normalize(y, p=2, dim=1), p=2)


def squared_l2(x, y=None):
    return l2(x, y) ** 2


def cosine(x, y=None):
    x = normalize(x, p=2, dim=1)
    return torch.matmul(x, (x if y is None else normalize(y, p=2, dim=1)).t())


# Reducers.

def mean(losses):
    return torch.mean(losses)


def non_zero(losses):
    """AvgNonZeroReducer."""
    kept = torch.ones_like(losses, dtype=torch.bool) & (losses > 0)
    return torch.mean(losses[kept]) if torch.sum(kept) >= 1 else torch.sum(losses * 0)


def over(losses, divisor):
    """DivisorReducer."""
    return torch.sum(losses) / divisor if divisor > 0 else torch.sum(losses * 0)


# Miners: embeddings, labels -> what is kept. There they run without gradients, on the embeddings that the loss has.

def multi_similarity(x, labels, epsilon=0.1):
    mat = cosine(x)
    a1, p, a2, n = all_pairs(labels)
    low, high = torch.finfo(mat.dtype).min, torch.finfo(mat.dtype).max
    for_positives = mat.clone()
    for_positives[a2, n] = high
    mat[a1, p] = low
    for_positives.fill_diagonal_(high)
    mat.fill_diagonal_(low)
    positives, positive_places = torch.sort(for_positives, dim=1)
    negatives, negative_places = torch.sort(mat, dim=1)
    a1, p = torch.where(positives - epsilon < negatives[:, -1].unsqueeze(1))
    a2, n = torch.where(negatives + epsilon > positives[:, 0].unsqueeze(1))
    return a1, positive_places[a1, p], a2, negative_places[a2, n]


def pair_margin(x, labels, positive=0.2, negative=0.8):
    mat = l2(x)
    a1, p, a2, n = all_pairs(labels)
    far, near = mat[a1, p] > positive, mat[a2, n] < negative
    return a1[far], p[far], a2[near], n[near]


def triplet_margin(kind, margin=0.2):
    def mine(x, labels):
        a, p, n = all_triplets(labels)
        mat = l2(x)
        gap = mat[a, n] - mat[a, p]
        if kind == "easy":
            kept = gap > margin
        else:
            kept = gap <= margin
            if kind == "hard":
                kept &= gap <= 0
            elif kind == "semi-hard":
                kept &= gap > 0
        return a[kept], p[kept], n[kept]

    return mine


def greatest(mat, rows, columns, below=None):
    mask = torch.zeros_like(mat)
    mask[rows, columns] = 1
    if below is not None:
        mask[mat >= below.unsqueeze(1)] = 0
    return torch.max(mat * mask, dim=1), torch.any(mask != 0, dim=1)


def smallest(mat, rows, columns, above=None):
    endless = torch.finfo(mat.dtype).max
    mask = torch.ones_like(mat) * endless
    mask[rows, columns] = 1
    if above is not None:
        mask[mat <= above.unsqueeze(1)] = endless
    there = torch.any(mask != endless, dim=1)
    mat = mat.clone()
    mat[mask == endless] = endless
    return torch.min(mat, dim=1), there


def easy_hard(positive, negative):
    """BatchEasyHardMiner; BatchHardMiner is the one of the hardest of both."""

    def mine(x, labels):
        mat = l2(x)
        a1, p, a2, n = all_pairs(labels)
        anchors = torch.arange(mat.size(0))
        positives = smallest if positive == "easy" else greatest
        negatives = greatest if negative == "easy" else smallest
        if positive == "semi-hard":
            (near, n_of), n_there = negatives(mat, a2, n)
            (_, p_of), p_there = positives(mat, a1, p, near)
        elif negative == "semi-hard":
            (far, p_of), p_there = positives(mat, a1, p)
            (_, n_of), n_there = negatives(mat, a2, n, far)
        else:
            if positive != "all":
                (_, p_of), p_there = positives(mat, a1, p)
            if negative != "all":
                (_, n_of), n_there = negatives(mat, a2, n)
        if positive == "all":
            return a1, p, anchors[n_there], n_of[n_there]
        if negative == "all":
            return anchors[p_there], p_of[p_there], a2, n
        both = torch.where(p_there & n_there)
        return anchors[both], p_of[both], anchors[both], n_of[both]

    return mine


def angular(x, labels, degrees=20.0):
    a, p, n = all_triplets(labels)
    anchors, positives, negatives = x[a], x[p], x[n]
    centres = (anchors + positives) / 2
    across = torch.nn.functional.pairwise_distance(anchors, positives, 2)
    height = torch.nn.functional.pairwise_distance(negatives, centres, 2)
    kept = torch.atan(across / (2 * height)) > degrees * torch.pi / 180
    return a[kept], p[kept], n[kept]


def drawn_triplets(labels, weights):
    """get_random_triplet_indices: class by class, for each anchor and each of its positives one draw."""
    found = []
    for label in torch.unique(labels):
        items, others = torch.where(labels == label)[0], torch.where(labels != label)[0]
        count = len(items)
        if count < 2 or len(others) < 1:
            continue
        own = items.expand((count, count))[~torch.eye(count).bool()].view((count, count - 1))
        draws = count * count
        column = torch.randint(0, own.shape[1], (draws,))
        row = torch.arange(count).view(-1, 1).repeat(1, count).view(draws)
        p, a = own[row, column], items[row]
        w = weights[:, others][a]
        there = torch.where(torch.sum(w, dim=1) > 0)[0]
        if len(there) == 0:
            continue
        n = others[torch.multinomial(w[there], 1, replacement=True).flatten()]
        found.append((a[there], p[there], n))
    return tuple(torch.cat(column) for column in zip(*found))


def distance_weighted(x, labels, cutoff=0.5, upper=1.4):
    d = float(x.size(1))
    mat = l2(x)
    mat.fill_diagonal_(1)
    mat = torch.clamp(mat, min=cutoff)
    weights = (2.0 - d) * torch.log(mat) - ((d - 3) / 2) * torch.log(1.0 - 0.25 * (mat**2.0))
    wrong = torch.isinf(weights) | torch.isnan(weights)
    mask = torch.ones_like(weights)
    mask[labels.unsqueeze(1) == labels.unsqueeze(0)] = 0
    weights = weights * mask
    weights = torch.exp(weights - torch.max(weights[~wrong]))
    weights = weights * (mask * (mat < upper))
    weights[wrong] = 0
    weights = weights / torch.sum(weights, dim=1, keepdim=True)
    return drawn_triplets(labels, weights)


gaps = {"triplet-margin": "all", "hard": "hard", "semi-hard": "semi-hard", "easy": "easy"}

miners = {
    "multi-similarity": multi_similarity,
    "pair-margin": pair_margin,
    "batch-hard": easy_hard("hard", "hard"),
    "angular": angular,
    "distance-weighted": distance_weighted,
    **{name: triplet_margin(kind) for name, kind in gaps.items()},
    **{
        f"{positive}-positive-{negative}-negative": easy_hard(positive, negative)
        for positive in ["easy", "semi-hard", "hard", "all"]
        for negative in ["easy", "semi-hard", "hard", "all"]
        if not (positive in ["semi-hard", "all"] and negative in ["semi-hard", "all"])
    },
}
