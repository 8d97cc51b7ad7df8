"""Single training steps on a batch that lies on the device."""
import os
import statistics
import sys

from .runs import (TOP, WAITING, Server, both, last_line, markdown, measure, on, ours, output_of, python_with, pytorch,
                   ratios, report, with_threads, write)


def our_step(a, workload, device, threads):
    command = ours(a, "bench/socle-bench", "train", workload, "--json", "--seconds", a.seconds, "--device", device,
                   "--threads", threads)
    return last_line(command, with_threads(a, threads))


# ---- OpenCL ----


def compare_opencl(a):
    peer = [python_with("tinygrad", "tinygrad"), os.path.join(TOP, "bench/peers/tinygrad.py")]
    command = [*peer, "fashion_conv", "--json", "--seconds", str(a.seconds)]
    devices = [a.device] if a.device == "cpu" else [a.device, "cpu"]

    def step(device):
        return lambda: our_step(a, "fashion_conv", device, a.threads)["step_median_s"]

    runners = {f"socle {d}": step(d) for d in devices}
    runners["tinygrad"] = lambda: last_line(command, with_threads(a))["step_median_s"]
    times = measure(runners, a.runs, ("ms", 1e-3))
    print(f"\n{a.what}: a step, batch 256, {a.threads} threads, {a.runs} rounds")
    report(times, ("ms", 1e-3))


# ---- batches of two ----

SMALL = {"batchnorm_small": "batchnorm_nb2", "running_small": "running_nb2"}
STEPS_OF_AN_EPOCH = 25000  # 50,000 images, two a step


def compare_small(a):
    workload, runners = SMALL[a.what], {}
    count = max(1, round(a.seconds / 2e-3))  # a step takes PyTorch about 2 ms

    def mine(threads):
        return lambda: our_step(a, workload, "cpu", threads)["step_median_s"]

    def theirs(mode, threads):
        return lambda: pytorch(workload, "--mode", mode, "--threads", threads, "--steps", count)["step_median_s"]

    for threads in both(a):
        runners[f"socle, {on(threads)}"] = mine(threads)
        runners |= {f"PyTorch {mode}, {on(threads)}": theirs(mode, threads) for mode in a.modes.split(",")}
    times = measure(runners, a.runs, ("ms", 1e-3))
    print(f"\n{a.what}: a step of {workload}, batch 2, {a.threads} threads, {a.runs} rounds")
    report(times, ("ms", 1e-3))
    print(f"\n{STEPS_OF_AN_EPOCH:,} such steps, an epoch")
    for label, t in times.items():
        print(f"{label:32}{STEPS_OF_AN_EPOCH * statistics.median(t):8.1f} s")


# ---- every workload against every mode of PyTorch ----

WORKLOADS = ["fashion_conv", "fashion_bn", "batchnorm_nb", "mlp37", "resnet18_28", "fashion_resnet", "fashion_wide",
             "imagenette_cnn"]
HOPELESS = 1.3  # a mode whose best round is so many times as long as the best of all takes no part in the next ones


class Mode:
    """A mode of PyTorch with its server, and the seconds of a step in each round."""

    def __init__(self, a, workload, mode, waiting, threads):
        self.label = mode + (", passive waiting" if waiting == "passive" else "")
        self.server = Server(workload, "--mode", mode, "--threads", threads, waiting=waiting)
        self.parameters = self.server.hello["parameters"]
        self.steps = max(1, round(a.seconds / self.server.hello["step_median_s"]))
        self.times = []

    def run(self):
        self.times.append(self.server.slice(self.steps)["step_median_s"])


def check_networks(workload, step, modes):
    for m in modes:
        if m.parameters != step["parameters"]:
            sys.exit(f"{workload}: our network has {step['parameters']} parameters, PyTorch's {m.parameters}")


def measure_steps(a, workload, threads):
    """A record of one workload on so many threads."""
    step = our_step(a, workload, a.device, threads)  # does not count
    mine, modes = [], []
    try:
        for mode in a.modes.split(","):
            for waiting in WAITING[:threads]:  # one thread has nobody to wait for
                modes.append(Mode(a, workload, mode, waiting, threads))
        check_networks(workload, step, modes)
        racing = modes
        for i in range(a.runs):
            mine.append(our_step(a, workload, a.device, threads)["step_median_s"])
            for m in racing:
                m.run()
            best = min(min(m.times) for m in racing)
            for m in racing:
                if min(m.times) > HOPELESS * best:
                    m.server.stop()
            racing = [m for m in racing if min(m.times) <= HOPELESS * best]
            print(f"  round {i + 1}: socle {mine[-1] * 1e3:.2f} ms, PyTorch",
                  ", ".join(f"{m.label} {m.times[-1] * 1e3:.2f}" for m in modes if len(m.times) == i + 1), flush=True)
    finally:
        for m in modes:
            m.server.stop()
    winner = min(racing, key=lambda m: statistics.median(m.times))
    ratio, least, most = ratios(mine, winner.times)
    return {"workload": workload, "batch": step["batch"], "parameters": step["parameters"], "threads": threads,
            "socle_s": statistics.median(mine), "peer": winner.label, "peer_s": statistics.median(winner.times),
            "ratio": ratio, "least": least, "most": most, "images_per_s": step["batch"] / statistics.median(mine)}


def row_of(r):
    return [f"`{r['workload']}`", str(r["batch"]), f"{r['parameters']:,}", str(r["threads"]), f"{r['socle_s'] * 1e3:.3g}",
            f"{r['peer_s'] * 1e3:.3g}", r["peer"].replace("_", "-"), f"**{r['ratio']:.1f}**",
            f"{r['least']:.1f} to {r['most']:.1f}"]


def compare_steps(a):
    records = []
    for workload in a.names or WORKLOADS:
        for threads in both(a):
            print(f"{workload}, {on(threads)}", flush=True)
            records.append(measure_steps(a, workload, threads))
    table = markdown(["a training step of", "batch", "parameters", "threads", "socle, ms", "PyTorch, ms", "its best mode",
                      "ratio", "round by round"], map(row_of, records))
    write(a, "steps", table, records)
    if a.out:
        draw(a, records)


def draw(a, records):
    """steps.tsv, and of it steps.svg."""
    path = os.path.join(a.out, "steps.tsv")
    with open(path, "w") as f:
        f.writelines(f"{r['workload']}\t{r['threads']}\t{r['socle_s']:.6g}\t{r['peer_s']:.6g}\n" for r in records)
    output_of(ours(a, "bench/bench-chart", path, os.path.join(a.out, "steps.svg")))
