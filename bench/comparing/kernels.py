"""Single primitives."""
import statistics

from .runs import last_line, measure, ours, with_threads

# ---- OpenCL ----

SHAPES = ["512x512x512", "1024x1024x1024", "2048x2048x2048", "16x200704x72", "64x12544x576", "512x3136x4608"]


def on_opencl(a, shape):
    mine = ours(a, "bench/socle-bench", "prim", "--json", "--device", a.device, "--filter", f"gemm {shape}", "--seconds",
                a.seconds)
    number = a.device.partition(":")[2] or "0"
    theirs = ours(a, "bench/clblast-gemm", number, a.seconds, shape)
    env = with_threads(a)
    return {f"socle {a.device}": lambda: last_line(mine, env)["median_s"],
            "CLBlast": lambda: last_line(theirs, env)["median_us"] * 1e-6}


def compare_opencl(a):
    print(f"gemm: {a.threads} threads, {a.runs} rounds, medians\n")
    print(f"{'MxNxK':18}{'socle ms':>12}{'GFLOP/s':>10}{'CLBlast ms':>12}{'GFLOP/s':>10}{'ratio':>8}  round by round")
    for shape in SHAPES:
        times = measure(on_opencl(a, shape), a.runs, ("ms", 1e-3), quiet=True)
        mine, theirs = times.values()
        m, n, k = map(int, shape.split("x"))
        line = f"{shape:18}"
        for t in mine, theirs:
            line += f"{statistics.median(t) * 1e3:12.2f}{2e-9 * m * n * k / statistics.median(t):10.1f}"
        ratios = [t / o for o, t in zip(mine, theirs)]
        print(f"{line}{statistics.median(theirs) / statistics.median(mine):8.1f}  {min(ratios):.1f} to {max(ratios):.1f}",
              flush=True)
