"""A step of ResNet-50 at 224 px of which layer4 and the head, or the head alone, are trained: 32 images that lie in memory."""

import contest

torch = contest.require("torch")
import frozen


def set_up(quick, threads, arguments):
    layout = torch.channels_last if "channels-last" in arguments else torch.contiguous_format
    network = frozen.Frozen(arguments[0], layout)
    images = torch.randint(0, 256, (32, 224, 224, 3), dtype=torch.uint8)
    labels = torch.arange(32) // 4
    step = lambda: network.step(images, labels)
    return lambda: {"seconds": contest.seconds_over(0.5 if quick else 2.0, step)}


contest.serve(set_up)
