"""Rebuilds an exported ResNet-18 or -50 in plain torch and embeds images with it.

    python3 load_export.py EXPORT.safetensors PIXELS.npy OUT.npy

PIXELS are uint8 N S S 3, as the view of the network's metadata makes them; OUT will be float32 N D."""
import json, struct, sys
import numpy, torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[begin:end], dtype={"F32": "<f4", "I64": "<i8"}[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    return tensors, metadata


def embed(pixels, w, metadata):
    def norm(x, name):
        return F.batch_norm(x, *(w[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")))

    def conv(x, name, stride=1):
        weight = w[f"{name}.weight"]
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)

    def block(x, name, stride):
        convolutions = [i for i in (1, 2, 3) if f"{name}.conv{i}.weight" in w]
        strided = 1 if len(convolutions) == 2 or metadata["stride"].startswith("first") else 2
        y = x
        for i in convolutions:
            y = norm(conv(F.relu(y) if i > 1 else y, f"{name}.conv{i}", stride if i == strided else 1), f"{name}.bn{i}")
        if f"{name}.downsample.0.weight" in w:
            x = norm(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
        return F.relu(x + y)

    mean, std = (torch.tensor(json.loads(metadata[key])) for key in ("mean", "std"))
    x = ((torch.from_numpy(pixels).float() / 255 - mean) / std).permute(0, 3, 1, 2)
    x = F.max_pool2d(F.relu(norm(conv(x, "conv1", 2), "bn1")), 3, 2, 1)
    for layer in (1, 2, 3, 4):
        for i in range(sum(f"layer{layer}.{i}.conv1.weight" in w for i in range(100))):
            x = block(x, f"layer{layer}.{i}", 2 if layer > 1 and i == 0 else 1)
    p = w.get("head.pool.p", torch.ones(1))  # GeM; without it the mean
    x = x.clamp(min=1e-6).pow(p).mean((2, 3)).pow(1 / p)
    x = norm(x, "head.norm") if "head.norm.weight" in w else x
    x = F.linear(x, w["head.embedding.weight"], w["head.embedding.bias"]) if "head.embedding.weight" in w else x
    return F.normalize(x)


export, pixels, out = sys.argv[1:]
with torch.no_grad():
    numpy.save(out, embed(numpy.load(pixels), *read_safetensors(export)).numpy())
