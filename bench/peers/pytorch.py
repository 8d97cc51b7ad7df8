#!/usr/bin/env python3
"""The same workloads in PyTorch: the peer our speed is measured against.

    pytorch.py fashion_conv [--mode eager|compile|channels_last] [--epochs N] [--batch-size N] [--lr X]
                            [--threads N] [--seed N] [--data DIR] [--norm-input] [--json]

Trains and evaluates the Fashion-MNIST network of examples/fashion_mnist.c: four 3x3 convolutions of stride 2 with ReLU
(4, 8, 16, 16 channels), a 2x2 convolution to 10 classes; SGD, cross entropy. The data is read from the .gz files and kept
on the device as one tensor, and batches are index_select'ed from it: the fastest way PyTorch has for a data set this
small (its DataLoader takes several times as long). The time printed starts before reading and ends with the last
evaluation; starting Python and importing torch are not counted.
"""
import argparse
import gzip
import json
import os
import struct
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


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
    return images.unsqueeze(1).float() / 255, labels.long()


def fashion_conv():
    def conv(ni, nf):
        return nn.Sequential(nn.Conv2d(ni, nf, 3, stride=2, padding=1), nn.ReLU())

    return nn.Sequential(conv(1, 4), conv(4, 8), conv(8, 16), conv(16, 16), nn.Conv2d(16, 10, 2), nn.Flatten())


WORKLOADS = {"fashion_conv": fashion_conv}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", choices=sorted(WORKLOADS))
    p.add_argument("--mode", choices=["eager", "compile", "channels_last"], default="eager")
    p.add_argument("--epochs", type=int, default=5)
    p.add_argument("--batch-size", type=int, default=256)
    p.add_argument("--lr", type=float, default=0.2)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    p.add_argument("--norm-input", action="store_true", help="scalar mean and std of the training images")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model = WORKLOADS[a.workload]()
    if a.mode == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    step_model = torch.compile(model) if a.mode == "compile" else model
    if a.mode == "compile":  # compilation is not training: done before the clock starts, on data of the same shapes
        for n in {a.batch_size, 60000 % a.batch_size or a.batch_size}:
            F.cross_entropy(step_model(torch.rand(n, 1, 28, 28)), torch.zeros(n, dtype=torch.long)).backward()
        with torch.no_grad():
            for n in {2 * a.batch_size, 10000 % (2 * a.batch_size) or 2 * a.batch_size}:
                step_model(torch.rand(n, 1, 28, 28))
        model.zero_grad()
    opt = torch.optim.SGD(model.parameters(), lr=a.lr)

    start = time.perf_counter()
    x, y = load(a.data, "train")
    vx, vy = load(a.data, "t10k")
    if a.norm_input:
        mean, std = x.mean(), x.std()
        x, vx = (x - mean) / std, (vx - mean) / std
    if a.mode == "channels_last":
        x, vx = x.to(memory_format=torch.channels_last), vx.to(memory_format=torch.channels_last)
    loaded = time.perf_counter()
    rows = []
    for epoch in range(a.epochs):
        begun = time.perf_counter()
        model.train()
        for index in torch.randperm(len(x)).split(a.batch_size):
            loss = F.cross_entropy(step_model(x[index]), y[index])
            loss.backward()
            opt.step()
            opt.zero_grad()
        model.eval()
        hits = total = 0.0
        with torch.no_grad():
            for bx, by in zip(vx.split(2 * a.batch_size), vy.split(2 * a.batch_size)):
                out = step_model(bx)
                total += F.cross_entropy(out, by, reduction="sum").item()
                hits += (out.argmax(1) == by).sum().item()
        rows.append({"epoch": epoch, "accuracy": hits / len(vx), "loss": total / len(vx),
                     "seconds": time.perf_counter() - begun})
        if not a.json:
            print(f"epoch {epoch}  eval accuracy {hits / len(vx):.3f}  loss {total / len(vx):.3f}  "
                  f"{rows[-1]['seconds']:.2f} s", flush=True)
    end = time.perf_counter()
    result = {"workload": a.workload, "mode": a.mode, "torch": torch.__version__, "threads": torch.get_num_threads(),
              "seconds": end - start, "seconds_reading": loaded - start, "accuracy": rows[-1]["accuracy"], "rows": rows}
    if a.json:
        print(json.dumps(result))
    else:
        print(f"{a.workload} {a.mode}, torch {torch.__version__}, {torch.get_num_threads()} threads: "
              f"{end - start:.2f} s, of which reading {loaded - start:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
