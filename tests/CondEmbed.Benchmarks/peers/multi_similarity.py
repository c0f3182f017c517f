"""Multi-similarity loss with its miner."""
import contest

torch = contest.require("torch")


def loss(embeddings, labels, alpha=2.0, beta=50.0, base=0.5, epsilon=0.1):
    """MultiSimilarityLoss with MultiSimilarityMiner, as pytorch-metric-learning computes them, on masks of all pairs."""
    s = torch.nn.functional.normalize(embeddings) @ torch.nn.functional.normalize(embeddings).T
    same = labels[:, None] == labels[None, :]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool)
    negative = ~same
    with torch.no_grad():
        lowest = s.masked_fill(~positive, float("inf")).min(1, keepdim=True).values
        highest = s.masked_fill(~negative, float("-inf")).max(1, keepdim=True).values
        pulled = positive & (s - epsilon < highest)
        pushed = negative & (s + epsilon > lowest)
    pull = torch.log1p((torch.exp(-alpha * (s - base)) * pulled).sum(1)) / alpha
    push = torch.log1p((torch.exp(beta * (s - base)) * pushed).sum(1)) / beta
    return (pull + push).mean()
