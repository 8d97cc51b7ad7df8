"""Running programs in turns, and what their times come to."""
import functools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# ---- programs ----


@functools.cache
def python_with(package, *installed):
    """A Python that imports the package; one is made, with the packages installed, where there is none."""
    folder = os.path.join(TOP, "build/peers", package)
    for python in filter(None, [os.environ.get("PYTHON"), "python3", os.path.join(folder, "bin/python")]):
        try:
            if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0:
                return python
        except OSError:
            pass
    print(f"installing {package} into {os.path.relpath(folder, TOP)} (once)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([os.path.join(folder, "bin/pip"), "install", "--quiet", *installed], check=True)
    return os.path.join(folder, "bin/python")


def output_of(command, env=None):
    """What a program prints; its complaint where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env)
    except OSError as e:
        sys.exit(f"{e.filename}: {e.strerror}")
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def lines_of(command, env=None):
    """Lines of JSON that it prints."""
    return [json.loads(line) for line in output_of(command, env).splitlines()]


def last_line(command, env=None):
    return lines_of(command, env)[-1]


def seconds_of(command):
    """Wall time of its process."""
    start = time.perf_counter()
    output_of(command)
    return time.perf_counter() - start


def ours(a, program, *arguments):
    """The command of a program of ours."""
    return [os.path.join(a.build, program), *map(str, arguments)]


def with_threads(a, threads=None):
    """The environment in which PoCL, OpenBLAS and oneDNN have --threads threads."""
    n = str(threads or a.threads)
    return os.environ | {name: n for name in ("POCL_MAX_PTHREAD_COUNT", "POCL_CPU_MAX_CU_COUNT", "OPENBLAS_NUM_THREADS",
                                              "OMP_NUM_THREADS")}


WAITING = ["active", "passive"]  # spinning threads are faster where cores are free, sleeping ones where they are not


def waiting_env(env, waiting):
    """The environment with OpenMP's threads spinning for a while or sleeping at once, whatever it says itself."""
    env = {name: value for name, value in env.items() if name != "OMP_WAIT_POLICY"}
    return env | {"OMP_WAIT_POLICY": "passive"} if waiting == "passive" else env


def on(threads):
    return "1 thread" if threads == 1 else f"{threads} threads"


def both(a):
    """--threads threads and one."""
    return sorted({a.threads, 1}, reverse=True)


# ---- PyTorch ----

# glibc is told to keep the memory of large tensors from step to step.
KEEPING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}


def pytorch_command(*arguments):
    return [python_with("torch", "torch", "numpy"), os.path.join(TOP, "bench/peers/pytorch.py"), "--json",
            *map(str, arguments)]


def pytorch(*arguments):
    """What the peer measured."""
    return last_line(pytorch_command(*arguments), os.environ | KEEPING)


class Server:
    """A PyTorch that stays, its network compiled and warm, and stands still between its slices of steps: no thread of it
    spins while others are measured. waiting: of OpenMP's threads, "active" or "passive"."""

    def __init__(self, *arguments, waiting):
        self.errors = tempfile.TemporaryFile("w+")
        self.command = pytorch_command("--serve", *arguments)
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, env=waiting_env(os.environ | KEEPING, waiting))
        self.hello = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            sys.exit(f"{' '.join(self.command)}: exit status {self.process.returncode}\n{self.errors.read().strip()}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def slice(self, steps):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self.read()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()


# ---- rounds ----


def measure(runners, runs, unit, quiet=False):
    """The seconds that each of the functions measured in each round. The first round warms the file cache and compilers'
    caches and does not count."""
    name, size = unit
    times = {label: [] for label in runners}
    for i in range(runs + 1):
        seconds = {label: run() for label, run in runners.items()}
        if not quiet:
            print("warm-up" if i == 0 else f"round {i}",
                  "  ".join(f"{label} {s / size:.2f} {name}" for label, s in seconds.items()), flush=True)
        for label in times if i else ():
            times[label].append(seconds[label])
    return times


def ratios(ours, theirs):
    """Theirs by ours: of the medians, and the least and greatest of a round."""
    each = [t / o for o, t in zip(ours, theirs)]
    return statistics.median(theirs) / statistics.median(ours), min(each), max(each)


def report(times, unit):
    """The first is ours."""
    name, size = unit
    first, *others = times
    base = statistics.median(times[first])
    print(f"{'':32}{'median ' + name:>10}{'min ' + name:>8}{'max ' + name:>8}{'ratio':>8}")
    for label, t in times.items():
        print(f"{label:32}{statistics.median(t) / size:10.2f}{min(t) / size:8.2f}{max(t) / size:8.2f}"
              f"{statistics.median(t) / base:8.2f}")
    print()

    def sentence(label, note=""):
        slower = statistics.median(times[label]) < base
        ratio, least, most = ratios(*((times[label], times[first]) if slower else (times[first], times[label])))
        claim = f"takes {ratio:.2f}x the time of" if slower else f"is {ratio:.2f}x as fast as"
        print(f"{first} {claim} {label}{note}; round by round {least:.2f}x to {most:.2f}x")

    for label in others:
        if not label.startswith("PyTorch"):
            sentence(label)
    modes = [label for label in others if label.startswith("PyTorch")]
    if modes:
        sentence(min(modes, key=lambda label: statistics.median(times[label])), ", its best mode here")


# ---- tables ----


def markdown(head, rows):
    """A table whose first column is text."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write(a, name, table, records):
    """NAME.md and NAME.json under --out, if there is one; the table is printed in any case."""
    print("\n" + table, flush=True)
    if not a.out:
        return
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, name + ".md"), "w") as f:
        f.write(table)
    with open(os.path.join(a.out, name + ".json"), "w") as f:
        f.writelines(json.dumps(record) + "\n" for record in records)
