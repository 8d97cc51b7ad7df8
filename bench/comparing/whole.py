"""What a training takes besides time, and how its time grows."""
import os
import subprocess
import sys
import tempfile

from .runs import KEEPING, both, lines_of, markdown, ours, pytorch_command, with_threads, write
from .trainings import RECIPES, training

# ---- memory ----


def peak_of(command, env=None):
    """The most memory a program ever held, in bytes."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(command)}: exit status {process.returncode}\n{errors.read().strip()}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def compare_memory(a):
    """PyTorch's is the least of its modes, with memory given back to the system and kept. An epoch is as good as five."""
    a.epochs = a.epochs or 1
    records, rows = [], []
    for what in a.names or ["fashion_conv", "fashion_bn", "batchnorm"]:
        if what not in RECIPES:
            sys.exit(f"memory: there is no training {what}, but {', '.join(RECIPES)}")
        _, command, options = training(a, what)
        mine = peak_of(command)
        theirs = {}
        for mode in a.modes.split(","):
            for keeping in {}, KEEPING:
                label = mode + (", memory kept" if keeping else "")
                theirs[label] = peak_of(pytorch_command(RECIPES[what].peer, "--mode", mode, *options), os.environ | keeping)
        best = min(theirs, key=theirs.get)
        print(f"{what}: socle {mine * 1e-6:.0f} MB,", ", ".join(f"{k} {v * 1e-6:.0f}" for k, v in theirs.items()), flush=True)
        records.append({"training": what, "socle_bytes": mine, "peer": best, "peer_bytes": theirs[best],
                        "ratio": theirs[best] / mine})
        rows.append([f"`{what}`", f"{mine * 1e-6:.0f}", f"{theirs[best] * 1e-6:.0f}", best.replace("_", "-"),
                     f"**{theirs[best] / mine:.1f}**"])
    head = ["a training with its data", "socle, MB", "PyTorch, MB", "in its leanest mode", "times as much"]
    write(a, "memory", markdown(head, rows), records)


# ---- batches ----

SIZES = [64, 256, 1024, 4096]


def compare_batches(a):
    """Images a second by batch; nobody else takes part."""
    records, rows = [], []
    for workload in a.names or ["fashion_conv", "fashion_bn", "batchnorm_nb", "fashion_resnet"]:
        for threads in both(a):
            rates = {}
            for size in SIZES:
                command = ours(a, "bench/socle-bench", "train", workload, "--json", "--device", a.device, "--threads", threads,
                               "--batch-size", size, "--seconds", a.seconds)
                rates[size] = lines_of(command, with_threads(a, threads))[-1]["images_per_s"]
            records += [{"workload": workload, "threads": threads, "batch": size, "images_per_s": r}
                        for size, r in rates.items()]
            rows.append([f"`{workload}`", str(threads), *(f"{r:,.0f}" for r in rates.values()),
                         f"{min(rates.values()) / max(rates.values()):.2f}"])
            print(f"{workload}, {threads} threads:", ", ".join(f"{r:,.0f}" for r in rates.values()), flush=True)
    head = ["images/s", "threads", *(f"batch {size}" for size in SIZES), "least by most"]
    write(a, "batches", markdown(head, rows), records)


# ---- everything ----


def compare_all(a, comparisons):
    for what in "steps", "conv", "gemm", "memory", "batches":
        print(f"\n== {what}", flush=True)
        a.what = what
        comparisons[what](a)
