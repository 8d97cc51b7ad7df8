#!/usr/bin/env python3
"""Makes the fixture files of this folder: what PyTorch computes, for tests/ops/test_parity.c,
tests/nn/test_norm.c, tests/nn/test_models.c and tests/e2e/test_training_step.c. Needs Python 3 with numpy and torch; run it as

    python3 tests/golden/make_fixtures.py

Inputs are rounded to float32, so that every device starts from the same numbers; everything else is computed and
stored in float64, so that a budget in the tests is about our rounding alone. The format is that of
tests/support/support.h. What it printed when the files were made is in README.md beside it.
"""

import os
import struct

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
CODES = {"float32": 0, "float64": 2, "int32": 3, "uint8": 4}


class Fixture:
    """Named arrays in order of addition."""

    def __init__(self, name):
        self.name, self.entries = name, []

    def add(self, name, value):
        if isinstance(value, torch.Tensor):
            value = value.detach().numpy()
        self.entries.append((name, np.asarray(value)))

    def write(self):
        with open(os.path.join(HERE, self.name), "wb") as file:
            file.write(b"SOCLEFX1" + struct.pack("<I", len(self.entries)))
            for name, value in self.entries:
                text = name.encode()
                file.write(struct.pack("<I", len(text)) + text)
                file.write(struct.pack("<II", CODES[value.dtype.name], value.ndim))
                file.write(struct.pack(f"<{value.ndim}q", *value.shape))
                file.write(np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes())
        print(f"{self.name}: {len(self.entries)} arrays, {os.path.getsize(os.path.join(HERE, self.name))} bytes")


def ints(*values):
    return np.array(values, dtype=np.int32)


def draw(rng, *shape):
    """Uniform in [-1, 1), float32 numbers, as a float64 leaf."""
    x = rng.uniform(-1, 1, shape).astype(np.float32)
    return torch.tensor(x.astype(np.float64), requires_grad=True)


def stored(x):
    """An input: exact in float32."""
    return x.detach().numpy().astype(np.float32)


def checked_relu(y):
    """Refuses values so near to 0 that float32 might see another sign, and so another gradient."""
    assert y.abs().min().item() > 1e-6, "change the seed: a value before the ReLU is too near to 0"
    return F.relu(y)


class CheckedRelu(torch.nn.Module):
    def forward(self, y):
        return checked_relu(y)


def add_case(f, case, options, inputs, y, rng):
    """Records inputs, options, y, a gradient dy of y, and the gradients of the inputs under it."""
    dy = draw(rng, *y.shape).detach()
    y.backward(dy)
    f.add(f"{case}.options", ints(*options))
    for name, x in inputs.items():
        f.add(f"{case}.{name}", stored(x))
        f.add(f"{case}.d{name}", x.grad)
    f.add(f"{case}.y", y)
    f.add(f"{case}.dy", stored(dy))


def convolutions():
    """options: stride, pad, dilation, groups, relu."""
    f, rng = Fixture("conv2d.fix"), np.random.default_rng(1)
    cases = {
        #            N  C  H   W   K  R  S  stride pad dilation groups bias relu
        "first":    (33, 1, 9, 8, 4, 3, 3, 2, 1, 1, 1, True, True),
        "middle":   (17, 4, 7, 7, 8, 3, 3, 2, 1, 1, 1, True, True),
        "head":     (16, 16, 2, 2, 10, 2, 2, 1, 0, 1, 1, True, False),
        "large":    (9, 3, 11, 13, 5, 5, 5, 1, 2, 1, 1, True, False),
        "groups":   (8, 4, 6, 5, 6, 3, 3, 1, 1, 1, 2, True, False),
        "depth":    (10, 6, 7, 6, 6, 3, 3, 1, 1, 1, 6, False, False),
        "dilated":  (3, 2, 12, 9, 3, 3, 2, 2, 2, 2, 1, True, False),
        "point":    (8, 5, 5, 5, 7, 1, 1, 1, 0, 1, 1, False, False),
        "uneven":   (2, 3, 8, 10, 4, 2, 3, 3, 1, 1, 1, True, True),
    }
    for case, (n, c, h, w, k, r, s, stride, pad, dilation, groups, bias, relu) in cases.items():
        inputs = {"x": draw(rng, n, c, h, w), "w": draw(rng, k, c // groups, r, s)}
        if bias:
            inputs["bias"] = draw(rng, k)
        y = F.conv2d(inputs["x"], inputs["w"], inputs.get("bias"), stride, pad, dilation, groups)
        y = checked_relu(y) if relu else y
        add_case(f, case, (stride, pad, dilation, groups, relu), inputs, y, rng)
        print(f"  {case}: {tuple(y.shape)}, sum {y.sum().item():.9f}, sum of dw {inputs['w'].grad.sum().item():.9f}")
    f.write()


def poolings():
    """options: kind (0 max, 1 average, 2 adaptive max, 3 adaptive average), then size, stride, pad, ceil, exclude_pad;
    or h, w."""
    f, rng = Fixture("pool2d.fix"), np.random.default_rng(2)
    windows = {
        "plain":   (2, 2, 0, False, False),
        "overlap": (3, 2, 1, False, False),
        "ceil":    (3, 2, 0, True, False),
        "border":  (3, 2, 1, True, False),
        "outside": (2, 2, 1, True, False),  # a further window would start in the far padding: it does not count
        "exclude": (3, 2, 1, True, True),
        "gaps":    (2, 3, 0, True, False),
        "wide":    (5, 1, 2, False, True),
    }
    shapes = {"a": (17, 1, 7, 7), "b": (2, 2, 6, 9), "c": (8, 1, 5, 4)}
    for name, (size, stride, pad, ceil, exclude) in windows.items():
        for letter, shape in shapes.items():
            for kind in (0, 1):
                x = draw(rng, *shape)
                if kind == 0:
                    y = F.max_pool2d(x, size, stride, pad, ceil_mode=ceil)
                else:
                    y = F.avg_pool2d(x, size, stride, pad, ceil_mode=ceil, count_include_pad=not exclude)
                add_case(f, f"{name}_{letter}{kind}", (kind, size, stride, pad, ceil, exclude), {"x": x}, y, rng)
    for letter, shape, h, w in (("a", (17, 3, 7, 7), 1, 1), ("b", (2, 2, 6, 9), 4, 5), ("c", (8, 1, 5, 4), 7, 3)):
        for kind in (2, 3):
            x = draw(rng, *shape)
            y = (F.adaptive_max_pool2d if kind == 2 else F.adaptive_avg_pool2d)(x, (h, w))
            add_case(f, f"adaptive_{letter}{kind}", (kind, h, w), {"x": x}, y, rng)
    f.write()


def losses():
    """linear: no options. cross_entropy, nll and smooth: reduction (0 mean, 1 sum, 2 none); of smooth, then, the eighths of
    label smoothing. log_softmax: axis."""
    f, rng = Fixture("loss.fix"), np.random.default_rng(3)
    for case, n, i, o, bias in (("linear_a", 33, 16, 10, True), ("linear_b", 3, 7, 5, False), ("linear_c", 8, 1, 1, True)):
        inputs = {"x": draw(rng, n, i), "w": draw(rng, o, i)}
        if bias:
            inputs["bias"] = draw(rng, o)
        add_case(f, case, (0,), inputs, F.linear(inputs["x"], inputs["w"], inputs.get("bias")), rng)
    for n, k, spread in ((32, 10, 4), (5, 3, 1), (17, 101, 40)):
        target = torch.tensor(rng.integers(0, k, n))
        for code, reduction in enumerate(("mean", "sum", "none")):
            for loss, fn in (("cross_entropy", F.cross_entropy), ("nll", F.nll_loss)):
                x = torch.tensor((draw(rng, n, k).detach().numpy() * spread).astype(np.float32).astype(np.float64),
                                 requires_grad=True)
                case = f"{loss}_{n}_{reduction}"
                add_case(f, case, (code,), {"x": x}, fn(x, target, reduction=reduction), rng)
                f.add(f"{case}.target", target.numpy().astype(np.int32))
    for axis in range(4):
        x = draw(rng, 9, 3, 4, 5)
        add_case(f, f"log_softmax_{axis}", (axis,), {"x": x}, F.log_softmax(x, axis), rng)
        x = draw(rng, 9, 3, 4, 5)
        add_case(f, f"softmax_{axis}", (axis,), {"x": x}, F.softmax(x, axis), rng)
    for n, k, eighths in ((32, 10, 1), (8, 3, 8), (16, 101, 3)):
        target = torch.tensor(rng.integers(0, k, n))
        for code, reduction in enumerate(("mean", "sum", "none")):
            x = draw(rng, n, k)
            case = f"smooth_{n}_{reduction}"
            y = F.cross_entropy(x, target, reduction=reduction, label_smoothing=eighths / 8)
            add_case(f, case, (code, eighths), {"x": x}, y, rng)
            f.add(f"{case}.target", target.numpy().astype(np.int32))
    f.write()


def activations():
    """Near 0, where they bend, and far from it, where a careless form overflows. options: kind (0 silu, 1 gelu, 2 gelu by
    tanh, 3 mish, 4 leaky relu 0.125, 5 leaky relu 0.125, minus 0.25, cut at 2)."""
    f, rng = Fixture("activation.fix"), np.random.default_rng(5)
    functions = {
        "silu": F.silu,
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "mish": F.mish,
        "leaky_relu": lambda x: F.leaky_relu(x, 0.125),
        "general_relu": lambda x: (F.leaky_relu(x, 0.125) - 0.25).clamp_max(2),
    }
    for kind, (case, function) in enumerate(functions.items()):
        for part, reach in (("near", 6 * np.ones(270)), ("far", 10 ** rng.uniform(0, 4, 270))):
            values = (rng.uniform(-1, 1, 270) * reach).reshape(9, 5, 6)
            x = torch.tensor(values.astype(np.float32).astype(np.float64), requires_grad=True)
            y = function(x)
            add_case(f, f"{case}_{part}", (kind,), {"x": x}, y, rng)
            print(f"  {case}_{part}: sum {y.sum().item():.9f}, sum of dx {x.grad.sum().item():.9f}")
    f.write()


class CourseBatchNorm(torch.nn.Module):
    """Statistics without gradient, the variance unbiased."""

    def __init__(self, c):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(c)), torch.nn.Parameter(torch.zeros(c))
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
                self.running_mean += 0.1 * (mean - self.running_mean)
                self.running_var += 0.1 * (var - self.running_var)
        else:
            mean, var = self.running_mean, self.running_var
        along = (1, -1, 1, 1)
        scale = self.weight / (var + 1e-5).sqrt()
        return (x - mean.view(along)) * scale.view(along) + self.bias.view(along)


class CourseLayerNorm(torch.nn.Module):
    """One weight and one bias, the variance unbiased."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        axes = (1, 2, 3)
        mean, var = x.mean(axes, keepdim=True), x.var(axes, keepdim=True)
        return (x - mean) / (var + 1e-5).sqrt() * self.weight + self.bias


class CourseInstanceNorm(torch.nn.Module):
    """An eps of 1, the variance unbiased."""

    def __init__(self, c):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(c)), torch.nn.Parameter(torch.zeros(c))

    def forward(self, x):
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True)
        return (x - mean) / (var + 1).sqrt() * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class RunningBatchNorm(torch.nn.Module):
    """Averages of sums, of sums of squares and of counts; the gradient flows through what this batch adds."""

    def __init__(self, c):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(c)), torch.nn.Parameter(torch.zeros(c))
        for name, start in (("sums", torch.zeros(c)), ("sqrs", torch.zeros(c)), ("count", torch.tensor(0.0)),
                            ("factor", torch.zeros(c)), ("offset", torch.zeros(c)), ("batch", torch.tensor(0.0))):
            self.register_buffer(name, start)

    def forward(self, x):
        if self.training:
            w = 1 - 0.9 / (len(x) - 1) ** 0.5
            self.sums = self.sums.detach() * (1 - w) + w * x.sum((0, 2, 3))
            self.sqrs = self.sqrs.detach() * (1 - w) + w * (x * x).sum((0, 2, 3))
            self.count = self.count * (1 - w) + w * (x.numel() / x.shape[1])
            self.batch = self.batch + len(x)
            mean = self.sums / self.count
            var = self.sqrs / self.count - mean * mean
            if self.batch < 20:
                var = var.clamp(min=0.01)
            self.factor = self.weight / (var + 1e-5).sqrt()
            self.offset = self.bias - mean * self.factor
        return x * self.factor.view(1, -1, 1, 1) + self.offset.view(1, -1, 1, 1)


def norms():
    """Three training steps (a fixed lr of 0.25 on weight and bias) on batches of 3, 9 and 17, then an evaluation of the
    first batch. Channel 1 varies little, so that a smallest variance shows; channel 2 lies far from 0."""
    f, rng = Fixture("norm.fix"), np.random.default_rng(5)
    nn, c, h, w = torch.nn, 4, 5, 3
    cases = {
        "batch": nn.BatchNorm2d(c), "batch_1d": nn.BatchNorm1d(c), "batch_course": CourseBatchNorm(c),
        "layer": nn.LayerNorm((c, h, w)), "layer_course": CourseLayerNorm(),
        "layer_channel": nn.GroupNorm(1, c), "instance": nn.InstanceNorm2d(c, affine=True),
        "instance_course": CourseInstanceNorm(c), "group": nn.GroupNorm(2, c), "running": RunningBatchNorm(c),
    }
    for case, norm in cases.items():
        norm.double()
        for name, p in norm.named_parameters():
            p.data = draw(rng, *p.shape).detach() + (1.5 if name == "weight" else 0)
            p.data = torch.tensor(p.data.numpy().astype(np.float32).astype(np.float64))
            f.add(f"{case}.{name}", stored(p))
        shape = (c,) if case == "batch_1d" else (c, h, w)
        for step, n in enumerate((3, 9, 17)):
            x = draw(rng, n, *shape).detach()
            x[:, 1] *= 0.0625
            x[:, 2] += 8
            x = torch.tensor(stored(x).astype(np.float64), requires_grad=True)
            y = norm(x)
            dy = draw(rng, *y.shape).detach()
            norm.zero_grad()
            y.backward(dy)
            for name, value in (("x", stored(x)), ("dy", stored(dy)), ("y", y), ("dx", x.grad)):
                f.add(f"{case}.{step}.{name}", value)
            for name, p in norm.named_parameters():
                f.add(f"{case}.{step}.d{name}", p.grad)
                p.data -= 0.25 * p.grad
            first = x if step == 0 else first
        norm.eval()
        f.add(f"{case}.eval", norm(first))
        for name, b in norm.named_buffers():
            if name != "num_batches_tracked":
                f.add(f"{case}.after.{name}", b)
        print(f"  {case}: sum of the last dx {x.grad.sum().item():.9f}, of the evaluation {norm(first).sum().item():.9f}")
    f.write()


class ResBlock(torch.nn.Module):
    """fast.ai's: two convolutions, the second with the stride; beside them the average of 2x2 pixels and a 1x1
    convolution; the parameters are registered under the names that socle gives them."""

    def __init__(self, ni, nf, stride):
        super().__init__()
        nn = torch.nn
        self.layers = nn.ModuleDict({
            "body_0": nn.Conv2d(ni, nf, 3, 1, 1), "body_0_norm": nn.BatchNorm2d(nf),
            "body_1": nn.Conv2d(nf, nf, 3, stride, 1), "body_1_norm": nn.BatchNorm2d(nf)})
        if ni != nf:
            self.layers["skip_last"] = nn.Conv2d(ni, nf, 1)
        self.stride = stride

    def forward(self, x):
        def act(y):
            assert y.abs().min().item() > 1e-6, "change the seed: a value is too near to the kink"
            return F.leaky_relu(y, float(np.float32(0.1))) - float(np.float32(0.4))

        l = self.layers
        y = act(l["body_0_norm"](l["body_0"](x)))
        y = l["body_1_norm"](l["body_1"](y))
        skip = F.avg_pool2d(x, 2, ceil_mode=True) if self.stride == 2 else x
        return act(y + (l["skip_last"](skip) if "skip_last" in l else skip))


def residuals():
    f, rng = Fixture("residual.fix"), np.random.default_rng(6)
    for case, ni, nf, stride in (("straight", 4, 4, 1), ("wider", 3, 6, 1), ("strided", 4, 4, 2), ("both", 3, 5, 2)):
        block = ResBlock(ni, nf, stride).double()
        for name, p in block.named_parameters():
            p.data = draw(rng, *p.shape).detach() + (1.5 if "norm.weight" in name else 0)
            p.data = torch.tensor(stored(p).astype(np.float64))
            f.add(f"{case}.{name[7:].replace('_', '.')}", stored(p))
        x = draw(rng, 9, ni, 7, 5)
        y = block(x)
        dy = draw(rng, *y.shape).detach()
        y.backward(dy)
        for name, value in (("x", stored(x)), ("dy", stored(dy)), ("y", y), ("dx", x.grad)):
            f.add(f"{case}.{name}", value)
        for name, p in block.named_parameters():
            f.add(f"{case}.grad.{name[7:].replace('_', '.')}", p.grad)
        print(f"  {case}: {tuple(y.shape)}, sum {y.sum().item():.9f}, sum of dx {x.grad.sum().item():.9f}")
    f.write()


def smooth_images(rng, n):
    """(n, 1, 28, 28) in [0, 1]: a few slow waves each, so that neighbouring pixels are alike as in real images."""
    i, j = np.meshgrid(np.arange(28) / 28, np.arange(28) / 28, indexing="ij")
    images = np.zeros((n, 1, 28, 28))
    for image in images[:, 0]:
        for _ in range(4):
            a, b, phase = rng.uniform(-2, 2), rng.uniform(-2, 2), rng.uniform(0, 2 * np.pi)
            image += np.sin(2 * np.pi * (a * i + b * j) + phase)
    low, high = images.min((2, 3), keepdims=True), images.max((2, 3), keepdims=True)
    return ((images - low) / (high - low)).astype(np.float32)


def training_step():
    """One step of SGD, lr 0.2, on the small Fashion-MNIST network with PyTorch's default initial weights."""
    f, rng = Fixture("training_step.fix"), np.random.default_rng(4)
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, 2, 1), CheckedRelu(), torch.nn.Conv2d(4, 8, 3, 2, 1), CheckedRelu(),
        torch.nn.Conv2d(8, 16, 3, 2, 1), CheckedRelu(), torch.nn.Conv2d(16, 16, 3, 2, 1), CheckedRelu(),
        torch.nn.Conv2d(16, 10, 2), torch.nn.Flatten())
    names = [f"{layer}.{kind}" for layer in range(5) for kind in ("weight", "bias")]
    x, target = smooth_images(rng, 32), rng.integers(0, 10, 32)
    for name, p in zip(names, model.parameters()):
        f.add(f"before.{name}", p.detach().clone())
    model.double()
    loss = F.cross_entropy(model(torch.tensor(x.astype(np.float64))), torch.tensor(target))
    loss.backward()
    lr = float(np.float32(0.2))
    for name, p in zip(names, model.parameters()):
        f.add(f"grad.{name}", p.grad)
        f.add(f"after.{name}", p - lr * p.grad)
        print(f"  {name}: {tuple(p.shape)}, norm of the gradient {p.grad.norm().item():.9f}")
    f.add("x", x)
    f.add("target", target.astype(np.int32))
    f.add("loss", np.array(loss.item()))
    print(f"  loss {loss.item():.12f}")
    f.write()


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, numpy {np.__version__}")
    convolutions()
    poolings()
    losses()
    activations()
    norms()
    residuals()
    training_step()
