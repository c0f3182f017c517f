"""ResNet-50 in plain PyTorch: layers, names and stride are torchvision's (v1.5), and so are the starting values; without its classifier,
with mean pooling and a linear layer `fc` to an embedding of length 1."""
from torch import nn
from torch.nn import functional


class Bottleneck(nn.Module):
    """B In H W -> B 4*Width H/stride W/stride: 1 x 1, 3 x 3, 1 x 1, and the shortcut. The stride is on the 3 x 3, or on the first."""

    def __init__(self, inputs, width, stride, on_first):
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, stride if on_first else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1 if on_first else stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + shortcut)


class ResNet50(nn.Module):
    """B 3 H W -> B D, each row of length 1. `features` stops before the pooling."""

    def __init__(self, dimension=512, on_first=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = stage(64, 64, 3, 1, on_first)
        self.layer2 = stage(256, 128, 4, 2, on_first)
        self.layer3 = stage(512, 256, 6, 2, on_first)
        self.layer4 = stage(1024, 512, 3, 2, on_first)
        self.fc = nn.Linear(2048, dimension)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x):
        """B 3 H W -> B 2048 H/32 W/32."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x):
        return functional.normalize(self.fc(self.features(x).mean((2, 3))), dim=1)


def stage(inputs, width, blocks, stride, on_first):
    first = Bottleneck(inputs, width, stride, on_first)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 1, on_first) for _ in range(blocks - 1)))


def resnet50(dimension=512):
    return ResNet50(dimension)
