"""ResNet-50 of which only the last parts are trained, as one writes it in PyTorch: the frozen stages run under no_grad in every step; norms keep their statistics."""

import contest

torch = contest.require("torch")
import multi_similarity
import resnet
from torch.nn import functional

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class Frozen:
    """Trains layer4 and the head, or the head alone."""

    def __init__(self, part, layout=torch.contiguous_format, on_first=False, decay=4e-4):
        self.layout = layout
        self.model = resnet.ResNet50(512, on_first).eval().to(memory_format=layout)
        self.part = part
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        trained = [self.model.layer4, self.model.fc] if part == "layer4" else [self.model.fc]
        for module in trained:
            for parameter in module.parameters():
                parameter.requires_grad_(True)
        leaves = [p for p in self.model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in leaves if p.dim() > 1], "weight_decay": decay},
            {"params": [p for p in leaves if p.dim() == 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, 1e-4)

    def frozen(self, images):
        """B H W 3 bytes -> B C h w."""
        x = (images.permute(0, 3, 1, 2).float() / 255 - MEAN) / DEVIATION
        x = x.contiguous(memory_format=self.layout)
        m = self.model
        x = m.layer3(m.layer2(m.layer1(m.maxpool(m.relu(m.bn1(m.conv1(x)))))))
        return x if self.part == "layer4" else m.layer4(x)

    def head(self, maps):
        """B C h w -> B D, each row of length 1."""
        maps = self.model.layer4(maps) if self.part == "layer4" else maps
        return functional.normalize(self.model.fc(maps.mean((2, 3))), dim=1)

    def step(self, images, labels):
        with torch.no_grad():
            maps = self.frozen(images)
        self.optimiser.zero_grad(set_to_none=True)
        loss = multi_similarity.loss(self.head(maps), labels)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def embed(self, images):
        with torch.inference_mode():
            return self.head(self.frozen(images))
