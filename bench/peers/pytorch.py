#!/usr/bin/env python3
"""The same workloads in PyTorch: the peer our speed is measured against.

    pytorch.py WORKLOAD [--mode eager|channels_last|compile|compile_channels_last] [--epochs N] [--batch-size N] [--lr X]
               [--threads N] [--seed N] [--data DIR] [--norm-input] [--json]
    pytorch.py WORKLOAD --steps N [--mode ...] [--batch-size N] [--lr X] [--threads N] [--seed N] [--json]
    pytorch.py WORKLOAD --serve [--mode ...] ...

fashion_conv   examples/fashion_mnist.c: four 3x3 convolutions of stride 2 with ReLU (4, 8, 16, 16 channels), a 2x2
               convolution to 10 classes
fashion_bn     its --model bn: a batch norm between each of the four convolutions and its ReLU
batchnorm_nb   examples/batchnorm.c with batch norm: five convolutions of stride 2 without bias (8, 16, 32, 64, 64 channels,
               the first 5x5), each with ReLU and then batch norm, and a linear layer; MNIST, the first 50,000 training
               images to train on, the last 10,000 to validate
batchnorm_nb2  the same on batches of 2
running_nb2    the same on batches of 2, with running batch norm

mlp37          784-30-1, the distance of its sigmoid from labels 0 and 1
resnet18_28    ResNet-18 on images of MNIST's size, AdamW
fashion_resnet, fashion_wide    fast.ai's residual networks of 8 to 256 and of 16 to 512 channels, AdamW
imagenette_cnn seven convolutions with batch norm on 128x128 colour images

By SGD on cross entropy where nothing else is said, and always by PyTorch's fused optimizers (before 2.0 by those of lists); batch,
rate and epochs are the example's where no option says otherwise. The last five are there for --steps and --serve.

A training trains and evaluates. The data is read from the .gz files and kept on the device as one tensor, and batches are
index_select'ed from it: the fastest way PyTorch has for a data set this small (its DataLoader takes several times as long).
The time printed starts before reading and ends with the last evaluation; starting Python and importing torch are not counted,
nor is compilation.

With --steps, N training steps on one batch of random images are timed in rows of four, as `socle-bench train` does, after
some that do not count. With --serve the process stays and times so many steps as a line of its input says.

glibc gives large tensors back to the system and takes them again in each step, unless the environment of the process says
MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184: as bench/compare does.
"""
import argparse
import copy
import gzip
import json
import os
import statistics
import struct
import sys
import time
from typing import Callable, NamedTuple

import torch
import torch.nn.functional as F

import pytorch_networks as networks

WARM, ROW = 10, 4
MODES = ["eager", "channels_last", "compile", "compile_channels_last"]

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

# ---- workloads ----


class Workload(NamedTuple):
    network: Callable
    batch_size: int
    lr: float
    data: DataSet | None = None  # None: single steps only
    epochs: int = 1
    image: tuple = (1, 28, 28)
    classes: int = 10
    loss: Callable = F.cross_entropy
    optimizer: Callable = torch.optim.SGD


WORKLOADS = {
    "fashion_conv": Workload(networks.fashion_conv, 256, 0.2, FASHION, 5),
    "fashion_bn": Workload(networks.fashion_bn, 256, 0.2, FASHION, 5),
    "batchnorm_nb": Workload(networks.batchnorm_nb, 512, 1.0, MNIST, 2),
    "batchnorm_nb2": Workload(networks.batchnorm_nb, 2, 0.4, MNIST),
    "running_nb2": Workload(networks.running_nb, 2, 0.4, MNIST),
    "mlp37": Workload(networks.mlp37, 256, 0.1, classes=2, loss=networks.distance),
    "resnet18_28": Workload(networks.resnet18_28, 64, 1e-3, classes=2, optimizer=torch.optim.AdamW),
    "fashion_resnet": Workload(networks.fashion_resnet, 256, 2e-2, optimizer=torch.optim.AdamW),
    "fashion_wide": Workload(networks.fashion_wide, 256, 1e-2, optimizer=torch.optim.AdamW),
    "imagenette_cnn": Workload(networks.imagenette_cnn, 64, 0.1, image=(3, 128, 128)),
}

# ---- training ----


class Training:
    """A network with its optimizer. loss_of(x, y) and infer(x) are what the mode makes of it."""

    def __init__(self, a):
        w = WORKLOADS[a.workload]
        self.channels_last, self.compiled = "channels_last" in a.mode, "compile" in a.mode
        self.model = w.network()
        self.loss = w.loss
        self.infer, self.loss_of = self.model, self.mean_loss
        if self.channels_last:
            self.model.to(memory_format=torch.channels_last)
        if self.compiled:
            self.infer, self.loss_of = torch.compile(self.model), torch.compile(self.mean_loss)
        fused = {"fused": True} if int(torch.__version__.split(".")[0]) >= 2 else {"foreach": True}
        self.optimizer = w.optimizer(self.model.parameters(), lr=a.lr, **fused)

    def mean_loss(self, x, y):
        return self.loss(self.model(x), y)

    def images(self, x):
        return x.to(memory_format=torch.channels_last) if self.channels_last else x

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
            self.loss_of(self.images(torch.rand(n, 1, 28, 28)), torch.zeros(n, dtype=torch.long)).backward()
        self.model.eval()
        with torch.no_grad():
            for n in {2 * batch_size, evaluation % (2 * batch_size) or 2 * batch_size}:
                self.infer(self.images(torch.rand(n, 1, 28, 28)))
        self.model.load_state_dict(before)
        self.optimizer.zero_grad(set_to_none=True)


def train(a):
    data = WORKLOADS[a.workload].data
    t = Training(a)
    if t.compiled:  # compilation is not training: done before the clock starts, on data of the same shapes
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


class Steps:
    """Training steps on one batch of random images, after some that do not count."""

    def __init__(self, a):
        w = WORKLOADS[a.workload]
        self.training = Training(a)
        self.x = self.training.images(torch.rand(a.batch_size, *w.image))
        self.y = torch.randint(0, w.classes, (a.batch_size,))
        self.parameters = sum(p.numel() for p in self.training.model.parameters())
        first = self.training.step(self.x, self.y).item()
        start = time.perf_counter()
        for done in range(1, WARM + 1):
            loss = self.training.step(self.x, self.y)
            if done >= 3 and time.perf_counter() - start > 2:
                break
        self.row = ROW if (time.perf_counter() - start) / done < 0.05 else 1
        if not loss.item() < first:  # a step that does not learn is no step
            sys.exit(f"pytorch.py: the loss went from {first:.3f} to {loss.item():.3f}")

    def slice(self, steps):
        times = []
        for _ in range(max(1, steps // self.row)):
            start = time.perf_counter()
            for _ in range(self.row):
                self.training.step(self.x, self.y)
            times.append((time.perf_counter() - start) / self.row)
        return {"batch": len(self.x), "parameters": self.parameters, "step_min_s": min(times),
                "step_median_s": statistics.median(times)}


def steps(a):
    result = Steps(a).slice(a.steps)
    return result, f"{result['step_median_s'] * 1e3:.2f} ms a step, at best {result['step_min_s'] * 1e3:.2f}"


def serve(a):
    """A slice of steps, and its result as a line of JSON, for every line read: their number."""
    s = Steps(a)
    print(json.dumps(describe(a) | s.slice(1)), flush=True)
    for line in sys.stdin:
        print(json.dumps(s.slice(int(line))), flush=True)


def describe(a):
    return {"workload": a.workload, "mode": a.mode, "torch": torch.__version__, "threads": torch.get_num_threads()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", choices=sorted(WORKLOADS))
    p.add_argument("--mode", choices=MODES, default="eager")
    p.add_argument("--steps", type=int, default=0, help="time so many steps instead of a training")
    p.add_argument("--serve", action="store_true", help="time steps whenever a line with their number comes in")
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
    if a.serve:
        serve(a)
        return 0
    if not a.steps and not WORKLOADS[a.workload].data:
        p.error(f"{a.workload} has single steps only: say --steps N")
    result, text = steps(a) if a.steps else train(a)
    if a.json:
        print(json.dumps(describe(a) | result))
    else:
        print(f"{a.workload} {a.mode}, torch {torch.__version__}, {torch.get_num_threads()} threads: {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
