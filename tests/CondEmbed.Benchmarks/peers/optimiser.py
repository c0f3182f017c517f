"""A step of torch.optim.AdamW over the leaves of ResNet-50 without its last layer."""

import contest

torch = contest.require("torch")
import resnet


def set_up(quick, threads, arguments):
    leaves = [p for name, p in resnet.ResNet50(512).named_parameters() if not name.startswith("embedding.")]
    for leaf in leaves:
        leaf.grad = torch.randn_like(leaf)
    optimiser = torch.optim.AdamW(leaves, 1e-3, weight_decay=0.01, foreach="foreach" in arguments)

    return lambda: {"seconds": contest.seconds_over(0.3, optimiser.step)}


contest.serve(set_up)
