"""The networks of bench/workloads.c in PyTorch, with their losses: what pytorch.py trains."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

# ---- fast.ai's course: small convolutions ----


def fashion(norm):
    def conv(ni, nf):
        return nn.Sequential(nn.Conv2d(ni, nf, 3, stride=2, padding=1), *([norm(nf)] if norm else []), nn.ReLU())

    return nn.Sequential(conv(1, 4), conv(4, 8), conv(8, 16), conv(16, 16), nn.Conv2d(16, 10, 2), nn.Flatten())


def fashion_conv():
    return fashion(None)


def fashion_bn():
    return fashion(nn.BatchNorm2d)


class RunningBatchNorm(nn.Module):
    """Batch norm by averages over the batch and those before it, as lib/nn/running_norm.c says: the gradient flows through
    what the batch adds to them."""

    def __init__(self, channels, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        for name in "sums", "sqrs", "factor", "offset":
            self.register_buffer(name, torch.zeros(channels, 1, 1))
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("images", torch.zeros(()))

    def update(self, x):
        w = 1 - (1 - self.momentum) / math.sqrt(len(x) - 1)
        sums = self.sums.lerp(x.sum((0, 2, 3)).view_as(self.sums), w)
        sqrs = self.sqrs.lerp((x * x).sum((0, 2, 3)).view_as(self.sqrs), w)
        count = self.count * (1 - w) + w * x.numel() / x.shape[1]
        self.images += len(x)
        mean = sums / count
        var = torch.maximum(sqrs / count - mean * mean, 0.01 * (self.images < 20))
        factor = self.weight * (var + self.eps).rsqrt()
        offset = self.bias - mean * factor
        for name, value in ("sums", sums), ("sqrs", sqrs), ("factor", factor), ("offset", offset), ("count", count):
            getattr(self, name).copy_(value.detach())
        return factor, offset

    def forward(self, x):
        factor, offset = self.update(x) if self.training else (self.factor, self.offset)
        return x * factor + offset


def conv_relu_norm(ni, nf, size=3, stride=2, norm=nn.BatchNorm2d):
    layer = nn.Conv2d(ni, nf, size, stride=stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, a=0.1)
    return nn.Sequential(layer, nn.ReLU(), norm(nf))


def averaged(layers, features):
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 10))


def batchnorm(norm):
    widths = [1, 8, 16, 32, 64, 64]
    return averaged([conv_relu_norm(ni, nf, 5 if ni == 1 else 3, norm=norm) for ni, nf in zip(widths, widths[1:])], 64)


def batchnorm_nb():
    return batchnorm(nn.BatchNorm2d)


def running_nb():
    return batchnorm(RunningBatchNorm)


def imagenette_cnn():
    widths = [3, 16, 32, 64, 64, 64, 128, 256]
    return averaged([conv_relu_norm(ni, nf, stride=1 if ni == 3 else 2) for ni, nf in zip(widths, widths[1:])], 256)


def mlp37():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 1))


# ---- fast.ai's course: residual blocks ----


class GeneralReLU(nn.Module):
    def forward(self, x):
        return F.leaky_relu(x, 0.1).sub_(0.4)


class ResBlock(nn.Module):
    def __init__(self, ni, nf, stride=2, size=3):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(ni, nf, size, padding=size // 2), nn.BatchNorm2d(nf), GeneralReLU(),
                                  nn.Conv2d(nf, nf, size, stride=stride, padding=size // 2), nn.BatchNorm2d(nf))
        self.skip = nn.Sequential(*([nn.AvgPool2d(2, ceil_mode=True)] if stride == 2 else []),
                                  *([nn.Conv2d(ni, nf, 1)] if ni != nf else []))
        self.act = GeneralReLU()

    def forward(self, x):
        return self.act(self.body(x) + self.skip(x))


def ladder(first, last, size):
    widths = [first << i for i in range((last // first).bit_length())]
    return nn.Sequential(ResBlock(1, first, stride=1, size=size), *map(ResBlock, widths, widths[1:]), nn.Flatten(),
                         nn.Linear(last, 10, bias=False), nn.BatchNorm1d(10))


def fashion_resnet():
    return ladder(8, 256, 3)


def fashion_wide():
    return ladder(16, 512, 5)


# ---- ResNet-18 (He et al. 2016), as torchvision has it ----


class BasicBlock(nn.Module):
    def __init__(self, ni, nf, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(ni, nf, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(nf)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(nf, nf, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(nf)
        self.downsample = None
        if stride != 1 or ni != nf:
            self.downsample = nn.Sequential(nn.Conv2d(ni, nf, 1, stride=stride, bias=False), nn.BatchNorm2d(nf))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def resnet18_28():
    widths = [64, 64, 128, 256, 512]
    stages = [nn.Sequential(BasicBlock(ni, nf, 1 if i == 0 else 2), BasicBlock(nf, nf, 1))
              for i, (ni, nf) in enumerate(zip(widths, widths[1:]))]
    return nn.Sequential(nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
                         nn.MaxPool2d(3, stride=2, padding=1), *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(512, 2))


# ---- losses ----


def distance(y, target):
    """How far sigmoid(y) is from the label, 0 or 1, on average."""
    p = y.sigmoid().squeeze(1)
    return torch.where(target == 1, 1 - p, p).mean()
