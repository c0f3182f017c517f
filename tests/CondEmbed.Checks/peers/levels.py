"""Levels of cross-image attention on all pairs as one writes them in PyTorch, forward and backward: prints PyTorch's version, a tab, and the seconds of one pass."""
import sys
import time

try:
    import torch
    from torch.nn import functional

    functional.scaled_dot_product_attention
except (ImportError, AttributeError) as problem:
    sys.exit(f"python3 has no PyTorch that fits: {problem}")

levels, count, channels, side, features = map(int, sys.argv[1:6])
device, least = sys.argv[6], float(sys.argv[7])
if device == "cuda" and not torch.cuda.is_available():
    sys.exit("PyTorch sees no GPU")
HEADS = 8


def matrix(inputs):
    return (torch.randn(features, inputs, device=device) / inputs**0.5).requires_grad_(True)


maps = torch.randn(count, channels, side, side, device=device, requires_grad=True)
embeddings = torch.randn(count, features, device=device, requires_grad=True)
weights = [[matrix(features), matrix(channels), matrix(channels), matrix(features)] for _ in range(levels)]


def split(x):
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def work():
    tokens = maps.flatten(2).transpose(1, 2)
    queries, total = embeddings.expand(count, count, features), 0.0
    for query, key, value, output in weights:
        read = functional.scaled_dot_product_attention(split(queries @ query.T), split(tokens @ key.T), split(tokens @ value.T))
        c = read.transpose(1, 2).flatten(2) @ output.T
        unit = functional.normalize(c, dim=-1)
        total = total + (unit * unit.transpose(0, 1)).sum(-1).square().sum()
        queries = c.transpose(0, 1)
    torch.autograd.grad(total, [maps, embeddings, *(leaf for level in weights for leaf in level)])


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


for _ in range(3):
    work()
wait()
start, passes = time.perf_counter(), 0
while passes == 0 or time.perf_counter() - start < least:
    work()
    passes += 1
wait()
print(torch.__version__, (time.perf_counter() - start) / passes, sep="\t", end="")
