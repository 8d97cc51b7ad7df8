#!/usr/bin/env python3
"""The same workloads in PyTorch: the peer our speed is measured against.

    pytorch.py WORKLOAD [--mode eager|compile|channels_last] [--epochs N] [--batch-size N] [--lr X]
               [--threads N] [--seed N] [--data DIR] [--norm-input] [--json]
    pytorch.py WORKLOAD --steps N [--mode ...] [--batch-size N] [--lr X] [--threads N] [--seed N] [--json]

fashion_conv   examples/fashion_mnist.c: four 3x3 convolutions of stride 2 with ReLU (4, 8, 16, 16 channels), a 2x2
               convolution to 10 classes
fashion_bn     its --model bn: a batch norm between each of the four convolutions and its ReLU
batchnorm_nb   examples/batchnorm.c with batch norm: five convolutions of stride 2 without bias (8, 16, 32, 64, 64 channels,
               the first 5x5), each with ReLU and then batch norm, and a linear layer; MNIST, the first 50,000 training
               images to train on, the last 10,000 to validate
batchnorm_nb2  the same on batches of 2
running_nb2    the same on batches of 2, with running batch norm

All by SGD on cross entropy; batch, rate and epochs are the example's where no option says otherwise.

A training trains and evaluates. The data is read from the .gz files and kept on the device as one tensor, and batches are
index_select'ed from it: the fastest way PyTorch has for a data set this small (its DataLoader takes several times as long).
The time printed starts before reading and ends with the last evaluation; starting Python and importing torch are not counted,
nor is compilation.

With --steps, N training steps on one batch of random images are timed in rows of four, as `socle-bench train` does, after
some that do not count.

glibc gives large tensors back to the system and takes them again in each step, unless the environment of the process says
MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184: as bench/compare does.
"""
import argparse
import copy
import gzip
import json
import math
import os
import statistics
import struct
import sys
import time
from typing import Callable, NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F

WARM, ROW = 10, 4

# ---- data ----


def read_idx(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as f:
        raw = f.read()
    magic, = struct.unpack(">I", raw[:4])
    ndim = magic & 0xFF
    shape = struct.unpack(">" + "I" * ndim, raw[4:4 + 4 * ndim])
    return torch.frombuffer(bytearray(raw[4 + 4 * ndim:]), dtype=torch.uint8).reshape(shape)


def load(folder, split):
    def path(kind):
        name = os.path.join(folder, f"{split}-{kind}-ubyte")
        return name if os.path.exists(name) else name + ".gz"

    images, labels = read_idx(path("images-idx3")), read_idx(path("labels-idx1"))
    return images.unsqueeze(1).float().div_(255), labels.long()


def fashion(folder):
    return *load(folder, "train"), *load(folder, "t10k")


def mnist(folder):
    x, y = load(folder, "train")
    x.sub_(0.1304).div_(0.3073)
    return x[:50000], y[:50000], x[50000:], y[50000:]


class DataSet(NamedTuple):
    read: Callable  # folder -> training images and labels, those of evaluation
    folder: str
    training: int
    evaluation: int


FASHION = DataSet(fashion, "/usr/share/datasets/fashion-mnist", 60000, 10000)
MNIST = DataSet(mnist, "data/mnist", 50000, 10000)

# ---- networks ----


def fashion_conv():
    def conv(ni, nf):
        return nn.Sequential(nn.Conv2d(ni, nf, 3, stride=2, padding=1), nn.ReLU())

    return nn.Sequential(conv(1, 4), conv(4, 8), conv(8, 16), conv(16, 16), nn.Conv2d(16, 10, 2), nn.Flatten())


def fashion_bn():
    def conv(ni, nf):
        return nn.Sequential(nn.Conv2d(ni, nf, 3, stride=2, padding=1), nn.BatchNorm2d(nf), nn.ReLU())

    return nn.Sequential(conv(1, 4), conv(4, 8), conv(8, 16), conv(16, 16), nn.Conv2d(16, 10, 2), nn.Flatten())


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


def batchnorm(norm):
    def conv(ni, nf, size=3):
        layer = nn.Conv2d(ni, nf, size, stride=2, padding=size // 2, bias=False)
        nn.init.kaiming_normal_(layer.weight, a=0.1)
        return nn.Sequential(layer, nn.ReLU(), norm(nf))

    return nn.Sequential(conv(1, 8, 5), conv(8, 16), conv(16, 32), conv(32, 64), conv(64, 64), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(64, 10))


class Workload(NamedTuple):
    network: Callable
    data: DataSet
    batch_size: int
    lr: float
    epochs: int


WORKLOADS = {
    "fashion_conv": Workload(fashion_conv, FASHION, 256, 0.2, 5),
    "fashion_bn": Workload(fashion_bn, FASHION, 256, 0.2, 5),
    "batchnorm_nb": Workload(lambda: batchnorm(nn.BatchNorm2d), MNIST, 512, 1.0, 2),
    "batchnorm_nb2": Workload(lambda: batchnorm(nn.BatchNorm2d), MNIST, 2, 0.4, 1),
    "running_nb2": Workload(lambda: batchnorm(RunningBatchNorm), MNIST, 2, 0.4, 1),
}

# ---- training ----


class Training:
    """A network with its optimizer. loss_of(x, y) and infer(x) are what the mode makes of it."""

    def __init__(self, a):
        self.mode = a.mode
        self.model = WORKLOADS[a.workload].network()
        self.infer, self.loss_of = self.model, self.mean_loss
        if a.mode == "channels_last":
            self.model.to(memory_format=torch.channels_last)
        if a.mode == "compile":
            self.infer, self.loss_of = torch.compile(self.model), torch.compile(self.mean_loss)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=a.lr)

    def mean_loss(self, x, y):
        return F.cross_entropy(self.model(x), y)

    def images(self, x):
        return x.to(memory_format=torch.channels_last) if self.mode == "channels_last" else x

    def step(self, x, y):
        loss = self.loss_of(x, y)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def epoch(self, x, y, batch_size):
        self.model.train()
        for index in torch.randperm(len(x)).split(batch_size):
            self.step(x.index_select(0, index), y.index_select(0, index))

    @torch.no_grad()
    def evaluate(self, x, y, batch_size):
        """Accuracy and mean loss."""
        self.model.eval()
        hits = total = 0.0
        for bx, by in zip(x.split(batch_size), y.split(batch_size)):
            out = self.infer(bx)
            total += F.cross_entropy(out, by, reduction="sum").item()
            hits += (out.argmax(1) == by).sum().item()
        return hits / len(x), total / len(x)

    def compile_for(self, training, evaluation, batch_size):
        """Compiles for the batches of so many images, without leaving a trace in the network."""
        before = copy.deepcopy(self.model.state_dict())
        for n in {batch_size, training % batch_size or batch_size}:
            self.loss_of(torch.rand(n, 1, 28, 28), torch.zeros(n, dtype=torch.long)).backward()
        self.model.eval()
        with torch.no_grad():
            for n in {2 * batch_size, evaluation % (2 * batch_size) or 2 * batch_size}:
                self.infer(torch.rand(n, 1, 28, 28))
        self.model.load_state_dict(before)
        self.optimizer.zero_grad(set_to_none=True)


def train(a):
    data = WORKLOADS[a.workload].data
    t = Training(a)
    if a.mode == "compile":  # compilation is not training: done before the clock starts, on data of the same shapes
        t.compile_for(data.training, data.evaluation, a.batch_size)
    start = time.perf_counter()
    x, y, vx, vy = data.read(a.data or data.folder)
    if a.norm_input:
        mean, std = x.mean(), x.std()
        for images in x, vx:
            images.sub_(mean).div_(std)
    x, vx = t.images(x), t.images(vx)
    loaded = time.perf_counter()
    rows = []
    for epoch in range(a.epochs):
        begun = time.perf_counter()
        t.epoch(x, y, a.batch_size)
        accuracy, loss = t.evaluate(vx, vy, 2 * a.batch_size)
        rows.append({"epoch": epoch, "accuracy": accuracy, "loss": loss, "seconds": time.perf_counter() - begun})
        if not a.json:
            print(f"epoch {epoch}  eval accuracy {accuracy:.3f}  loss {loss:.3f}  {rows[-1]['seconds']:.2f} s", flush=True)
    end = time.perf_counter()
    text = f"{end - start:.2f} s, of which reading {loaded - start:.2f} s"
    return {"seconds": end - start, "seconds_reading": loaded - start, "accuracy": rows[-1]["accuracy"], "rows": rows}, text


def steps(a):
    t = Training(a)
    x, y = t.images(torch.rand(a.batch_size, 1, 28, 28)), torch.randint(0, 10, (a.batch_size,))
    first = t.step(x, y).item()
    for _ in range(WARM):
        t.step(x, y)
    times = []
    for _ in range(max(1, a.steps // ROW)):
        start = time.perf_counter()
        for _ in range(ROW):
            loss = t.step(x, y)
        times.append((time.perf_counter() - start) / ROW)
    if not loss.item() < first:  # a step that does not learn is no step
        sys.exit(f"pytorch.py: the loss went from {first:.3f} to {loss.item():.3f}")
    text = f"{statistics.median(times) * 1e3:.2f} ms a step, at best {min(times) * 1e3:.2f}"
    return {"batch": a.batch_size, "step_min_s": min(times), "step_median_s": statistics.median(times)}, text


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", choices=sorted(WORKLOADS))
    p.add_argument("--mode", choices=["eager", "compile", "channels_last"], default="eager")
    p.add_argument("--steps", type=int, default=0, help="time so many steps instead of a training")
    p.add_argument("--epochs", type=int)
    p.add_argument("--batch-size", type=int)
    p.add_argument("--lr", type=float)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--data")
    p.add_argument("--norm-input", action="store_true", help="scalar mean and std of the training images")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    for name in "epochs", "batch_size", "lr":
        if getattr(a, name) is None:
            setattr(a, name, getattr(WORKLOADS[a.workload], name))
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    result, text = steps(a) if a.steps else train(a)
    if a.json:
        print(json.dumps({"workload": a.workload, "mode": a.mode, "torch": torch.__version__,
                          "threads": torch.get_num_threads()} | result))
    else:
        print(f"{a.workload} {a.mode}, torch {torch.__version__}, {torch.get_num_threads()} threads: {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
