"""Writes torch.pth, random numbers as torch.save lays them out, and torch.json, what the file holds. Usage: make.py FOLDER; torch 1.13 wrote the
files in this folder."""

import collections
import json
import sys

import torch

torch.manual_seed(1)
base = torch.randn(4, 6)
state = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 2), torch.nn.BatchNorm2d(2)).state_dict(prefix="module.")
state.update(
    collections.OrderedDict(
        [
            ("module.parameter", torch.nn.Parameter(torch.randn(3))),
            ("module.transposed", base.t()),
            ("module.rows", base[1:3]),
            ("module.every_other", base[1:, ::2]),
            ("module.expanded", torch.randn(3).expand(2, 3)),
            ("module.permuted", torch.randn(2, 3, 4).permute(2, 0, 1)),
            ("module.half", torch.randn(5).half()),
            ("module.bfloat16", torch.randn(2, 2).bfloat16()),
            ("module.half_transposed", torch.randn(2, 3).half().t()),
            ("module.double", torch.randn(2, dtype=torch.float64)),
            ("module.int64", torch.tensor([-(2**40), 3])),
            ("module.int32", torch.tensor([-70000, 3], dtype=torch.int32)),
            ("module.int16", torch.tensor([-300, 3], dtype=torch.int16)),
            ("module.int8", torch.tensor([-3, 3], dtype=torch.int8)),
            ("module.uint8", torch.tensor([[200, 3], [4, 5]], dtype=torch.uint8).t()),
            ("module.bool", torch.tensor([True, False])),
            ("module.scalar", torch.tensor(2.5)),
            ("module.empty", torch.zeros(0, 3)),
        ]
    )
)
folder = sys.argv[1]
saved = {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 1e-3, "nesterov": False}]}}
torch.save(saved, f"{folder}/torch.pth")
entries = [
    {"name": name, "type": str(tensor.dtype), "shape": list(tensor.shape), "values": tensor.detach().double().reshape(-1).tolist()}
    for name, tensor in state.items()
]
with open(f"{folder}/torch.json", "w") as file:
    json.dump(entries, file)
    file.write("\n")
