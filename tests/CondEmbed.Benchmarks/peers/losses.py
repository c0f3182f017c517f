#!/usr/bin/env python3
"""The losses and miners of CondEmbed's list as pytorch-metric-learning 2.8 computes them (Kevin Musgrave, MIT licence), on PyTorch alone.

The library itself need not be there. Each loss of pair_losses.py and proxy_losses.py is written anew but makes the same tensors by the same operations as
the one it follows (src/pytorch_metric_learning/losses; pairs.py has what they share): also a mask of all triplets, or a number for each positive pair
with every negative pair of the batch, where there it is so. Left out are records, argument checks and options that are off. Where versions differ the
cheaper is taken: SmoothAP compares positives within 128 classes of 4, not 4 of 128.

    losses.py NAME                  serves rounds of a loss: forward and backward to embeddings and proxies
    losses.py miner.NAME            serves rounds of a miner
    losses.py --check GOLDEN.json   compares with golden values, gradients and tuples that the library itself has made
"""
import json
import os
import sys

import contest

# OpenBLAS has threads of its own, which would wait for OpenMP's as these spin: 4 ms in place of 12 for a product and its gradient.
if "GOMP_SPINCOUNT" not in os.environ:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

torch = contest.require("torch")
import pair_losses as on_pairs
import pairs
import proxy_losses as on_proxies

CLASSES = 500

beta = torch.tensor([1.2], requires_grad=True)

# Our name: the loss, and the miner before it.
of_pairs = {
    "multi-similarity": (on_pairs.multi_similarity(), pairs.multi_similarity),
    "contrastive": (on_pairs.contrastive(), None),
    "contrastive-cosine": (on_pairs.contrastive_cosine(), None),
    "triplet": (on_pairs.triplet(), None),
    "triplet-semi-hard": (on_pairs.triplet(), pairs.miners["semi-hard"]),
    "triplet-batch-hard": (on_pairs.triplet(), pairs.miners["batch-hard"]),
    "margin": (on_pairs.margin(beta), pairs.distance_weighted),
    "nt-xent": (on_pairs.nt_xent(), None),
    "supcon": (on_pairs.sup_con(), None),
    "circle": (on_pairs.circle(), None),
    "fast-ap": (on_pairs.fast_ap(), None),
    "n-pairs": (on_pairs.n_pairs(), None),
    "lifted-structure": (on_pairs.lifted(), None),
    "nca": (on_pairs.nca(), None),
    "angular": (on_pairs.angular(), None),
    "tuplet-margin": (on_pairs.tuplet_margin(), None),
    "intra-pair-variance": (on_pairs.intra_pair_variance(), None),
    "histogram": (on_pairs.histogram(), None),
    "smooth-ap": (on_pairs.smooth_ap(), None),
    "pnp": (on_pairs.pnp(), None),
}

# Our name: the loss, the centres of a class, and whether the proxies are C x D.
of_proxies = {
    "proxy-anchor": (on_proxies.proxy_anchor(), 1, True),
    "proxy-nca": (on_proxies.proxy_nca(1.0), 1, True),
    "proxy-nca++": (on_proxies.proxy_nca(9.0), 1, True),
    "normalised-softmax": (on_proxies.normalised_softmax(), 1, False),
    "cosface": (on_proxies.cos_face(), 1, False),
    "arcface": (on_proxies.arc_face(), 1, False),
    "sub-centre-arcface": (on_proxies.arc_face(centres=3), 3, False),
    "soft-triple": (on_proxies.soft_triple(), 10, False),
}

# The golden cases: loss, miner, and for losses with proxies how these lie.
golden_pairs = {
    "contrastive_l2_pos0_neg1_avgnonzero": (on_pairs.contrastive(), None),
    "contrastive_cos_pos1_neg0.5_avgnonzero": (on_pairs.contrastive_cosine(), None),
    "triplet_l2_margin0.2_avgnonzero": (on_pairs.triplet(), None),
    "triplet_l2_margin0.2_batchhard_avgnonzero": (on_pairs.triplet(), pairs.miners["batch-hard"]),
    "triplet_l2_margin0.2_semihard_avgnonzero": (on_pairs.triplet(), pairs.miners["semi-hard"]),
    "margin_m0.2_beta1.2": (on_pairs.margin(1.2), None),
    "ms_a2_b50_base0.5": (on_pairs.multi_similarity(beta=50.0), None),
    "ms_a2_b40_base0.5_miner0.1": (on_pairs.multi_similarity(), pairs.multi_similarity),
    "ntxent_t0.07": (on_pairs.nt_xent(), None),
    "supcon_t0.1": (on_pairs.sup_con(), None),
    "circle_m0.4_g80": (on_pairs.circle(), None),
    "fastap_10bins": (on_pairs.fast_ap(), None),
    "npairs": (on_pairs.n_pairs(), None),
    "lifted_gen": (on_pairs.lifted(), None),
}

golden_proxies = {
    "proxy_anchor_a32_d0.1": on_proxies.proxy_anchor(),
    "proxy_nca_scale3": on_proxies.proxy_nca(3.0),
    "arcface_28.6_64": on_proxies.arc_face(),
    "cosface_0.35_64": on_proxies.cos_face(),
    "normalized_softmax_t0.05": on_proxies.normalised_softmax(),
    "soft_triple_3c_la20_g0.1_m0.01": on_proxies.soft_triple(centres=3),
}

golden_miners = {
    "batch_hard": "batch-hard",
    "multi_similarity_0.1": "multi-similarity",
    "triplet_margin_0.2_all": "triplet-margin",
    "triplet_margin_0.2_hard": "hard",
    "triplet_margin_0.2_semihard": "semi-hard",
    "triplet_margin_0.2_easy": "easy",
    "pair_margin_0.2_0.8": "pair-margin",
    "angular_20": "angular",
}


def mined(miner, x, labels):
    if miner is None:
        return None
    with torch.no_grad():
        return miner(x, labels)


def batch(size, features):
    """Classes of 4 that overlap."""
    torch.manual_seed(3)
    labels = torch.arange(size) // 4
    return torch.randn(size // 4, features)[labels] + 1.5 * torch.randn(size, features), labels


def one_step(name, size, features):
    """What a round does, once."""
    x, labels = batch(size, features)
    if name.startswith("miner."):
        miner = pairs.miners[name[len("miner.") :]]
        return lambda: mined(miner, x, labels)
    x.requires_grad_(True)
    if name in of_pairs:
        loss, miner = of_pairs[name]
        leaves = [x, beta] if name == "margin" else [x]
        return lambda: torch.autograd.grad(loss(x, labels, mined(miner, x, labels)), leaves)
    loss, centres, by_rows = of_proxies[name]
    shape = (CLASSES * centres, features) if by_rows else (features, CLASSES * centres)
    proxies = torch.randn(shape).requires_grad_(True)
    return lambda: torch.autograd.grad(loss(x, labels, proxies), [x, proxies])


def same(what, found, wanted):
    apart = (found - wanted).abs().max().item()
    if not apart <= 1e-7:
        sys.exit(f"{what}: {apart} apart")


def check_losses(case, x, labels):
    for name, (loss, miner) in golden_pairs.items():
        wanted, leaf = case["losses"][name], x.clone().requires_grad_(True)
        value = loss(leaf, labels, mined(miner, leaf, labels))
        same(f"{name}, value", value, wanted["value"])
        same(f"{name}, gradient", torch.autograd.grad(value, [leaf])[0], torch.tensor(wanted["grad"], dtype=x.dtype))
    for name, loss in golden_proxies.items():
        wanted, leaf = case["losses"][name], x.clone().requires_grad_(True)
        given = torch.tensor(wanted.get("fc", case["class_weights"]), dtype=x.dtype)
        wanted_proxies = torch.tensor(wanted["param_grads"][0], dtype=x.dtype)
        proxies = (given if given.shape == wanted_proxies.shape else given.t().contiguous()).requires_grad_(True)
        value = loss(leaf, labels, proxies)
        same(f"{name}, value", value, wanted["value"])
        found = torch.autograd.grad(value, [leaf, proxies])
        same(f"{name}, gradient", found[0], torch.tensor(wanted["grad"], dtype=x.dtype))
        same(f"{name}, gradient by proxies", found[1], wanted_proxies)


def check_miners(case, x, labels):
    for name, ours in golden_miners.items():
        wanted, found = case["miners"][name], mined(pairs.miners[ours], x, labels)
        found = pairs.as_triplets(found, labels) if len(wanted) == 3 else found
        for columns in [range(3)] if len(wanted) == 3 else [range(2), range(2, 4)]:
            tuples = lambda lists: {entry for entry in zip(*[lists[c] for c in columns])}
            if tuples([column.tolist() for column in found]) != tuples(wanted):
                sys.exit(f"{name}: other tuples")


def check(file):
    with open(file) as golden:
        cases = json.load(golden)["cases"]
    for case in cases:
        x, labels = torch.tensor(case["embeddings"], dtype=torch.float64), torch.tensor(case["labels"])
        check_losses(case, x, labels)
        check_miners(case, x, labels)
    print(f"{len(golden_pairs) + len(golden_proxies)} losses and {len(golden_miners)} miners are as in {len(cases)} cases of {file}")


def set_up(quick, threads, arguments):
    step = one_step(arguments[0], 128 if quick else 512, 512)
    before = contest.resident()
    contest.forget_peak()
    step()
    extra = max(4096.0, contest.peak() - before)
    return lambda: {"seconds": contest.seconds_over(0.3, step), "extra bytes": extra}


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(sys.argv[2])
    else:
        contest.serve(set_up)
