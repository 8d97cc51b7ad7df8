"""Whole trainings on real images."""
import os
import tempfile
from typing import NamedTuple

from .runs import TOP, measure, ours, pytorch, report, seconds_of


class Recipe(NamedTuple):
    program: list  # ours
    peer: str  # the workload of bench/peers/pytorch.py
    epochs: int
    batch_size: int
    lr: float
    data: str


FASHION, MNIST = "/usr/share/datasets/fashion-mnist", os.path.join(TOP, "data/mnist")
RECIPES = {
    "fashion_conv": Recipe(["fashion_mnist"], "fashion_conv", 5, 256, 0.2, FASHION),
    "fashion_bn": Recipe(["fashion_mnist", "--model", "bn"], "fashion_bn", 5, 256, 0.2, FASHION),
    "batchnorm": Recipe(["batchnorm", "--config", "builtin-bn"], "batchnorm_nb", 2, 512, 1.0, MNIST),
    "stats": Recipe(["fashion_mnist", "--model", "bn"], "fashion_bn", 1, 256, 0.2, FASHION),
}


def training(a, what):
    """Title, our command and the options that the peer takes too."""
    recipe = RECIPES[what]
    chosen = {name: getattr(recipe, name) if getattr(a, name) is None else getattr(a, name)
              for name in ("epochs", "batch_size", "lr", "data")}
    options = ["--threads", str(a.threads)]  # and no look for a GPU: PyTorch's clock starts when its libraries are loaded
    for name, value in chosen.items():
        options += ["--" + name.replace("_", "-"), str(value)]
    program, *arguments = recipe.program
    title = f"{' '.join(recipe.program)}, epochs: {chosen['epochs']}, batch {chosen['batch_size']}"
    return title, ours(a, "examples/" + program, *arguments, "--quiet", "--device", "cpu", *options), options


def compare(a, what, title, runners):
    times = measure(runners, a.runs, ("s", 1))
    print(f"\n{what}: {title}, {a.threads} threads, {a.runs} rounds")
    report(times, ("s", 1))


def compare_training(a):
    title, command, options = training(a, a.what)

    def theirs(mode):
        return lambda: pytorch(RECIPES[a.what].peer, "--mode", mode, *options)["seconds"]

    compare(a, a.what, title, {"socle": lambda: seconds_of(command)} |
            {f"PyTorch {mode}": theirs(mode) for mode in a.modes.split(",")})


def compare_inspection(a):
    title, command, _ = training(a, a.what)

    def inspected():
        with tempfile.TemporaryDirectory() as folder:
            return seconds_of([*command, "--stats", "--plot", "--out", folder])

    compare(a, a.what, title, {"socle": lambda: seconds_of(command), "socle --stats --plot": inspected})
