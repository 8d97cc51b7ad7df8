#!/usr/bin/env python3
"""A training step in tinygrad on its OpenCL device: the peer our OpenCL backend is measured against.

    tinygrad.py fashion_conv [--batch-size N] [--lr X] [--seconds S] [--json]

The network of pytorch.py's fashion_conv and one batch of synthetic images that lies on the device, as in `socle-bench
train`: forward, cross entropy, backward and SGD, captured once by TinyJit and replayed. Steps are timed in rows of four with
one wait at the end, like ours. Compilation is not counted. Which device: DEV (CL unless the environment says otherwise);
PoCL's threads: POCL_MAX_PTHREAD_COUNT, or POCL_CPU_MAX_CU_COUNT in its newer versions.
"""
import argparse
import json
import os
import statistics
import sys
import time

sys.path[:] = [p for p in sys.path if os.path.realpath(p or ".") != os.path.dirname(os.path.realpath(__file__))]
os.environ.setdefault("DEV", "CL")

from tinygrad import Context, Device, Tensor, TinyJit, nn  # noqa: E402

WARM, ROW = 5, 4


class FashionConv:
    def __init__(self):
        widths = [1, 4, 8, 16, 16]
        self.convs = [nn.Conv2d(ni, nf, 3, stride=2, padding=1) for ni, nf in zip(widths, widths[1:])]
        self.last = nn.Conv2d(16, 10, 2)

    def __call__(self, x):
        for conv in self.convs:
            x = conv(x).relu()
        return self.last(x).flatten(1)


WORKLOADS = {"fashion_conv": (FashionConv, (1, 28, 28), 10)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("workload", choices=sorted(WORKLOADS))
    p.add_argument("--batch-size", type=int, default=256)
    p.add_argument("--lr", type=float, default=0.2)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    network, image, classes = WORKLOADS[a.workload]
    Tensor.manual_seed(1)
    model = network()
    opt = nn.optim.SGD(nn.state.get_parameters(model), lr=a.lr)
    x = Tensor.rand(a.batch_size, *image).realize()
    y = Tensor.randint(a.batch_size, low=0, high=classes).realize()

    @TinyJit
    def step():
        with Context(TRAINING=1):
            opt.zero_grad()
            loss = model(x).cross_entropy(y).backward()
            return loss.realize(*opt.schedule_step())

    device = Device[Device.DEFAULT]
    losses = [step().item() for _ in range(WARM)]
    times = []
    end = time.perf_counter() + a.seconds
    while len(times) < 5 or time.perf_counter() < end:
        device.synchronize()
        start = time.perf_counter()
        for _ in range(ROW):
            loss = step()
        device.synchronize()
        times.append((time.perf_counter() - start) / ROW)
    last = loss.item()
    if not last < losses[0]:  # a step that does not learn is no step
        sys.exit(f"tinygrad.py: the loss went from {losses[0]:.3f} to {last:.3f}")
    result = {"workload": a.workload, "device": Device.DEFAULT, "batch": a.batch_size,
              "step_min_s": min(times), "step_median_s": statistics.median(times)}
    if a.json:
        print(json.dumps(result))
    else:
        print(f"{a.workload} on {Device.DEFAULT}, batch {a.batch_size}: {result['step_median_s'] * 1e3:.2f} ms a step, "
              f"at best {result['step_min_s'] * 1e3:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
