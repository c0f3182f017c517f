"""ResNet-50 at 224 px at test time: the forward pass alone, over batches that lie in memory."""
import contest

torch = contest.require("torch")
import resnet


def set_up(quick, threads, arguments):
    batch, batches = int(arguments[0]), 3 if quick else 6
    network = resnet.resnet50(512).eval().to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, 224, 224).contiguous(memory_format=torch.channels_last)

    def work():
        with torch.inference_mode():
            for _ in range(batches):
                network(images)

    return lambda: {"seconds": contest.seconds(work) / (batch * batches)}


contest.serve(set_up)
