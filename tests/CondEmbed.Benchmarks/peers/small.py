"""The encoder `small` with its head in plain PyTorch, and a step of the default run without levels as one writes it."""

import math

import contest

torch = contest.require("torch")
import multi_similarity
from torch import nn
from torch.nn import functional

BATCH, PER_CLASS, SIDE = 64, 4, 48


class Block(nn.Module):
    """B In H W -> B Out H/stride W/stride: two 3 x 3 convolutions and the shortcut, which averages before it convolves. It starts as its shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.bn2.weight)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride == 2:
            self.downsample = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + shortcut)


class Small(nn.Module):
    """B 3 48 48 -> B D: a map of 128 x 6 x 6; its numbers, their means and their maxima; a norm and a linear layer."""

    def __init__(self, dimension=128):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.relu = nn.ReLU(inplace=True)
        self.blocks = nn.Sequential(Block(32, 64, 2), Block(64, 128, 2), Block(128, 128, 1))
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        self.norm = nn.BatchNorm1d(37 * 128)
        self.fc = nn.Linear(37 * 128, dimension)

    def forward(self, x):
        x = self.blocks(self.relu(self.bn1(self.conv1(x))))
        fields = functional.adaptive_avg_pool2d(x, 6).flatten(1)
        return self.fc(self.norm(torch.cat([fields, x.mean((2, 3)) + x.amax((2, 3))], 1)))


def rate(step, steps):
    """The learning rate of a step from 0 on: it rises over 2 % of the steps, and falls along a cosine."""
    warm = int(0.02 * steps)
    if step < warm:
        return 6e-3 * (step + 1) / warm
    return 6e-3 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


class Training:
    def __init__(self, layout):
        self.layout = layout
        self.model = Small().train().to(memory_format=layout)
        head = {id(p) for part in (self.model.norm, self.model.fc) for p in part.parameters()}
        groups = [
            {
                "params": [p for p in self.model.parameters() if (id(p) in head) == is_head and (p.dim() > 1) == decays],
                "factor": 0.3 if is_head else 1.0,
                "weight_decay": 0.05 if decays else 0.0,
            }
            for is_head in (False, True)
            for decays in (True, False)
        ]
        self.optimiser = torch.optim.AdamW(groups, 6e-3)

    def seen(self, images):
        """B H W 3 bytes -> B 3 H W, white as 0."""
        return ((images.permute(0, 3, 1, 2).float() / 255 - 1) / 0.35).contiguous(memory_format=self.layout)

    def step(self, images, labels, rate):
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimiser.zero_grad(set_to_none=True)
        loss = multi_similarity.loss(self.model(self.seen(images)), labels, beta=40.0)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def embed(self, images):
        """B H W 3 bytes -> B D, each row of length 1."""
        self.model.eval()
        with torch.inference_mode():
            found = torch.cat([functional.normalize(self.model(self.seen(some))) for some in images.split(256)])
        self.model.train()
        return found


def layout_of(arguments):
    return torch.channels_last if "channels-last" in arguments else torch.contiguous_format
