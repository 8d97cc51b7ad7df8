#!/usr/bin/env python3
"""Means and deviations of first weights: what fast.ai's notebook 02a prints once, over many seeds, by PyTorch.

golden_init.py > golden_init.h            images of normal numbers, new ones for each seed
golden_init.py MNIST-DIR                  MNIST's training images 50,000 to 50,099: the table in tests/e2e/mnist_lesson9.sh
"""
import gzip
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn import init

SEEDS = 400
torch.set_num_threads(1)
found = {}


def note(name, t):
    found.setdefault(name + "_mean", []).append(t.mean().item())
    found.setdefault(name + "_std", []).append(t.std().item())


def layer(x):
    conv = nn.Conv2d(1, 32, 5)
    note("default_conv", conv(x))
    note("default_relu", F.relu(conv(x)))
    init.kaiming_normal_(conv.weight, a=1.0)
    note("linear_conv", conv(x))
    init.kaiming_normal_(conv.weight, a=0)
    note("normal_relu", F.relu(conv(x)))
    init.kaiming_uniform_(conv.weight, a=0)
    note("uniform_relu", F.relu(conv(x)))


def depth(x, y):
    net = nn.Sequential(
        nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU(), nn.Conv2d(32, 1, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def both_ways(name):
        net.zero_grad()
        out = net(x)
        F.mse_loss(out.squeeze(-1), y).backward()
        note(name + "_out", out)
        note(name + "_grad", net[0].weight.grad)

    both_ways("default")
    for m in net:
        if isinstance(m, nn.Conv2d):
            init.kaiming_uniform_(m.weight)
            m.bias.data.zero_()
    both_ways("kaiming")


def mnist(folder):
    x = np.frombuffer(gzip.open(folder + "/train-images-idx3-ubyte.gz").read(), np.uint8)[16:].reshape(-1, 1, 28, 28)
    y = np.frombuffer(gzip.open(folder + "/train-labels-idx1-ubyte.gz").read(), np.uint8)[8:]
    x = torch.tensor(x[50000:50100]).float() / 255
    return (x - 0.1304) / 0.3073, torch.tensor(y[50000:50100]).float()


folder = sys.argv[1] if len(sys.argv) > 1 else None
for seed in range(SEEDS):
    torch.manual_seed(seed)
    x, y = mnist(folder) if folder else (torch.randn(100, 1, 28, 28), torch.arange(100).float() % 10)
    with torch.no_grad():
        layer(x)
    depth(x, y)
if folder:
    for name, v in found.items():
        print(f"{name} {np.mean(v):.5f} {np.std(v, ddof=1):.5f}")
else:
    print("/* Made by golden_init.py with PyTorch " + torch.__version__ + ". */")
    print(f"enum {{ GOLDEN_SEEDS = {SEEDS} }};")
    print("static const struct golden {\n    const char *name;\n    double mean, deviation; /* over the seeds */")
    print("} golden[] = {")
    for name, v in found.items():
        print(f'    {{ "{name}", {np.mean(v):.6g}, {np.std(v, ddof=1):.6g} }},')
    print("};")
