"""Single primitives: matrix products and convolutions."""
import os
import statistics
import sys

from .runs import (WAITING, both, last_line, lines_of, markdown, measure, on, ours, ratios, waiting_env, with_threads,
                   write)


def built(a, program, package):
    """Its path, or None with a word about it."""
    path = os.path.join(a.build, "bench", program)
    if os.path.exists(path):
        return path
    print(f"{program} is not there: install {package} and configure again", flush=True)
    return None


# ---- matrix products ----

SHAPES = ["512x512x512", "1024x1024x1024", "2048x2048x2048", "16x200704x72", "64x12544x576", "512x3136x4608"]


def peers_of_products(a):
    """Name -> command for a shape."""
    if a.device != "cpu":
        number = a.device.partition(":")[2] or "0"
        peers = {"CLBlast": (built(a, "clblast-gemm", "libclblast-dev"), [number, a.seconds])}
    else:
        peers = {"OpenBLAS": (built(a, "openblas-gemm", "libopenblas-dev"), [a.seconds]),
                 "oneDNN": (built(a, "onednn-bench", "libdnnl-dev"), [a.seconds, "gemm"])}
    there = {name: [path, *map(str, options)] for name, (path, options) in peers.items() if path}
    return there or sys.exit("there is nobody to compare with")


def race_products(a, shape, peers, threads):
    env = with_threads(a, threads)
    mine = ours(a, "bench/socle-bench", "prim", "--json", "--device", a.device, "--threads", threads, "--filter",
                f"gemm {shape}", "--seconds", a.seconds)

    def median_of(command):
        return lambda: last_line(command, env)["median_s"]

    return measure({"socle": median_of(mine)} | {name: median_of([*command, shape]) for name, command in peers.items()},
                   a.runs, ("ms", 1e-3), quiet=True)


def compare_products(a):
    """On the CPU on one thread too; PoCL's threads are --threads."""
    peers, records, rows = peers_of_products(a), [], []
    for threads in both(a) if a.device == "cpu" else [a.threads]:
        for shape in SHAPES:
            times = race_products(a, shape, peers, threads)
            m, n, k = map(int, shape.split("x"))
            mine, *theirs = times.values()
            best = min(theirs, key=statistics.median)
            ratio, least, most = ratios(mine, best)
            rates = {name: 2e-9 * m * n * k / statistics.median(t) for name, t in times.items()}
            records.append({"name": shape, "threads": threads, "gflops": rates, "ratio": ratio, "least": least, "most": most})
            rows.append([shape.replace("x", " x "), str(threads), *(f"{r:.0f}" for r in rates.values()), f"**{ratio:.2f}**",
                         f"{least:.2f} to {most:.2f}"])
            print("  ".join([shape, on(threads), *(f"{name} {r:.1f} GFLOP/s" for name, r in rates.items())]), flush=True)
    head = ["M x N x K", "threads", "socle, GFLOP/s", *peers, "against the best", "round by round"]
    write(a, "gemm", markdown(head, rows), records)


# ---- convolutions ----


def conv_names(a):
    """The rows of tests/cases/conv.h that are timed and contain the text."""
    lines = lines_of(ours(a, "bench/socle-bench", "prim", "--json", "--threads", 1, "--seconds", 0.001, "--filter", "conv"))
    return [name for name in dict.fromkeys(line["name"] for line in lines) if " ".join(a.names) in name]


def compare_convolutions(a):
    program = built(a, "onednn-bench", "libdnnl-dev") or sys.exit("there is nobody to compare with")
    records, rows = [], []
    for name in conv_names(a):
        for threads in both(a):
            for r in race_convolution(a, program, name, threads):
                records.append(r)
                rows.append([name, r["what"], str(threads), f"{r['socle_us']:.4g}", f"{100 * r['fraction']:.0f} %",
                             f"{r['onednn_us']:.4g}", r["how"], f"**{r['ratio']:.2f}**",
                             f"{r['least']:.2f} to {r['most']:.2f}"])
    head = ["convolution", "", "threads", "socle, us", "of the peak", "oneDNN, us", "by", "ratio", "round by round"]
    write(a, "conv", markdown(head, rows), records)


def race_convolution(a, program, name, threads):
    """A record for each of its operations."""
    env = with_threads(a, threads)
    mine = ours(a, "bench/socle-bench", "prim", "--json", "--threads", threads, "--filter", f"conv {name}", "--seconds",
                a.seconds)
    theirs = [program, str(a.seconds / 4), "conv", name]  # ours shares its seconds among four operations
    waiting = [waiting_env(env, w) for w in WAITING[:threads]]
    left, right = [], [[] for _ in waiting]
    for i in range(a.runs + 1):  # the first does not count
        left.append({r["what"]: r for r in lines_of(mine, env)})
        for results, e in zip(right, waiting):
            results.append({r["what"]: r for r in lines_of(theirs, e)})
    records = []
    for what in left[0]:
        mine_s = [r[what]["median_s"] for r in left[1:]]
        theirs_s = min(([r[what]["median_s"] for r in results[1:]] for results in right), key=statistics.median)
        ratio, least, most = ratios(mine_s, theirs_s)
        records.append({"name": name, "what": what, "threads": threads, "ratio": ratio, "least": least, "most": most,
                        "socle_us": statistics.median(mine_s) * 1e6, "fraction": max(r[what]["fraction"] for r in left[1:]),
                        "onednn_us": statistics.median(theirs_s) * 1e6, "how": right[0][0][what]["how"]})
    print(f"{name}, {on(threads)}:", ", ".join(f"{r['what']} {r['ratio']:.2f}" for r in records), flush=True)
    return records
