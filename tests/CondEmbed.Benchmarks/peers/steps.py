"""A step of training of ResNet-50 in PyTorch as one writes it: multi-similarity with its miner on cosines, AdamW."""

import contest

torch = contest.require("torch")
import multi_similarity
import resnet


def set_up(quick, threads, arguments):
    count, size = 32, 128
    model = resnet.ResNet50(512).train()
    if "channels-last" in arguments:
        model = model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    images = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8)
    labels = torch.arange(count) // 4
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    def step():
        x = (images.permute(0, 3, 1, 2).float() / 255 - mean) / deviation
        x = x.contiguous(memory_format=torch.channels_last if "channels-last" in arguments else torch.contiguous_format)
        optimiser.zero_grad(set_to_none=True)
        loss = multi_similarity.loss(model(x), labels)
        loss.backward()
        optimiser.step()
        return loss.item()

    def play():
        contest.forget_peak()
        return {"seconds": contest.seconds(step), "bytes": contest.peak()}

    return play


contest.serve(set_up)
