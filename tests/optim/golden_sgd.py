"""Writes golden_sgd.h: twenty steps of torch.optim.SGD in double on the loss sum(a (p - b)^2) / 2, for each rule.

Hyper-parameters are sums of few powers of two, so that they are the same numbers in float and in double. Two things
that torch.optim.SGD does otherwise than socle are done here by hand: its momentum starts at the first gradient, undamped,
where socle's starts at zero (a buffer of zeros is put in place); and it has no decoupled weight decay (the parameters
are scaled before the step).

    python3 golden_sgd.py > golden_sgd.h      (made with torch 2.15.0)
"""
import torch

START = [1.0, -2.0, 0.5]
SCALE = [1.0, 0.25, 3.0]  # a
TARGET = [0.25, 1.0, -1.5]  # b
STEPS = 20
CASES = [
    # name, socle rule, lr, momentum, dampening, nesterov, decoupled decay, l2
    ("sgd", "socle_sgd", 0.125, 0, 0, False, 0, 0),
    ("sgd with l2", "socle_sgd", 0.125, 0, 0, False, 0, 0.5),
    ("sgd with decay", "socle_sgd", 0.125, 0, 0, False, 0.25, 0),
    ("momentum", "socle_momentum", 0.0625, 0.875, 0, False, 0, 0),
    ("momentum with dampening", "socle_momentum", 0.125, 0.75, 0.5, False, 0, 0),
    ("momentum with all", "socle_momentum", 0.0625, 0.875, 0.25, False, 0.25, 0.125),
    ("nesterov", "socle_nesterov", 0.0625, 0.875, 0, True, 0, 0),
    ("nesterov with l2", "socle_nesterov", 0.0625, 0.75, 0, True, 0, 0.25),
    ("nesterov with decay", "socle_nesterov", 0.0625, 0.75, 0, True, 0.125, 0),
]


def run(lr, momentum, dampening, nesterov, decay, l2):
    a, b = (torch.tensor(v, dtype=torch.float64) for v in (SCALE, TARGET))
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    opt = torch.optim.SGD([p], lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=l2)
    if dampening:
        opt.state[p]["momentum_buffer"] = torch.zeros_like(p)
    rows = []
    for _ in range(STEPS):
        opt.zero_grad()
        ((p - b).square() * a).sum().mul(0.5).backward()
        if l2 and decay:  # socle's l2 looks at the parameters before they decay
            p.grad.add_(p.detach(), alpha=l2)
            opt.param_groups[0]["weight_decay"] = 0
        with torch.no_grad():
            p.mul_(1 - lr * decay)
        opt.step()
        rows.append(p.detach().tolist())
    return rows


def numbers(row):
    return "{ " + ", ".join("%.17g" % v for v in row) + " }"


print("/* Made by golden_sgd.py: parameters after each step of torch.optim.SGD. */")
print("/* clang-format off */")
print("enum { GOLDEN_STEPS = %d, GOLDEN_SIZE = %d };" % (STEPS, len(START)))
for name, row in (("golden_start", START), ("golden_scale", SCALE), ("golden_target", TARGET)):
    print("static const double %s[GOLDEN_SIZE] = %s;" % (name, numbers(row)))
print("static const struct golden {")
print("    const char *name;")
print("    const socle_opt_rule *(*rule)(void);")
print("    float lr, mom, damp, wd, l2;")
print("    double p[GOLDEN_STEPS][GOLDEN_SIZE];")
print("} golden[] = {")
for name, rule, lr, momentum, dampening, nesterov, decay, l2 in CASES:
    hypers = ", ".join("%gf" % v if v % 1 else "%d" % v for v in (lr, momentum, dampening, decay, l2))
    print('    { "%s", %s, %s, {' % (name, rule, hypers))
    for row in run(lr, momentum, dampening, nesterov, decay, l2):
        print("        %s," % numbers(row))
    print("    } },")
print("};")
print("/* clang-format on */")
