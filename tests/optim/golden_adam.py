"""Writes golden_adam.h: twenty steps of each adaptive rule in double on the loss sum(a (p - b)^2) / 2. Where PyTorch has the
rule it makes them; Lion, LAMB and the courses' variants are written out here from their papers and notebooks.

Hyper-parameters are sums of few powers of two, so that they are the same numbers in float and in double.

    python3 golden_adam.py > golden_adam.h      (made with torch 2.15.0)
"""
import torch

START = [1.0, -2.0, 0.5]
SCALE = [1.0, 0.25, 3.0]  # a
TARGET = [0.25, 1.0, -1.5]  # b
STEPS = 20
BETAS = (0.875, 0.96875)
O = torch.optim
EPS = 2.0**-20


def gradient(p):
    return torch.tensor(SCALE, dtype=torch.float64) * (p - torch.tensor(TARGET, dtype=torch.float64))


def by_torch(make):
    p = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    opt = make([p])
    rows = []
    for _ in range(STEPS):
        p.grad = gradient(p.detach())
        opt.step()
        rows.append(p.detach().tolist())
    return rows


def by_hand(step):
    p = torch.tensor(START, dtype=torch.float64)
    state, rows = {}, []
    for i in range(STEPS):
        p = step(p, gradient(p), state, i + 1)
        rows.append(p.tolist())
    return rows


def lion(p, g, s, t, lr=0.0625, wd=0.125):
    m = s.get("m", torch.zeros_like(p))
    update = torch.sign(BETAS[0] * m + (1 - BETAS[0]) * g)
    s["m"] = BETAS[1] * m + (1 - BETAS[1]) * g
    return p * (1 - lr * wd) - lr * update


def averages(g, s):
    s["m"] = BETAS[0] * s.get("m", 0) + (1 - BETAS[0]) * g
    s["v"] = BETAS[1] * s.get("v", 0) + (1 - BETAS[1]) * g**2


def lamb(p, g, s, t, lr=0.0625, wd=0.125):
    averages(g, s)
    u = s["m"] / (1 - BETAS[0] ** t) / ((s["v"] / (1 - BETAS[1] ** t)).sqrt() + EPS) + wd * p
    r1, r2 = (p**2).mean().sqrt(), (u**2).mean().sqrt()
    return p - lr * min(r1 / r2, 0.75) * u


def adam_notebook(p, g, s, t, lr=0.125):
    averages(g, s)
    return p - lr * (s["m"] / (1 - BETAS[0] ** t)) / (s["v"] / (1 - BETAS[1] ** t) + 2.0**-6).sqrt()


def adam_library(p, g, s, t, lr=0.125, wd=0.25):
    averages(g, s)
    p = p - lr * (s["m"] / (1 - BETAS[0] ** t)) / ((s["v"] / (1 - BETAS[1] ** t)).sqrt() + 2.0**-6)
    return p * (1 - lr * wd)


def momentum_library(p, g, s, t, lr=0.0625, wd=0.25):
    s["m"] = 0.875 * s.get("m", 0) + g
    return (p - lr * s["m"]) * (1 - lr * wd)


def debiased_average(p, g, s, t, lr=0.125, wd=0.25):
    s["m"] = 0.75 * s.get("m", 0) + 0.25 * g
    return p * (1 - lr * wd) - lr * s["m"] / (1 - 0.75**t)


def rmsprop_notebook(p, g, s, t, lr=0.125):
    s["v"] = BETAS[1] * s.get("v", g**2) + (1 - BETAS[1]) * g**2
    return p - lr * g / (s["v"].sqrt() + 2.0**-6)


CASES = [
    # name, socle rule, {hyper: value}, rows
    ("rmsprop", "rmsprop", dict(lr=0.125, sqr_mom=0.75, eps=EPS),
     by_torch(lambda p: O.RMSprop(p, lr=0.125, alpha=0.75, eps=EPS))),
    ("rmsprop with l2 and momentum", "rmsprop_momentum", dict(lr=0.0625, mom=0.5, l2=0.25, sqr_mom=0.75, eps=EPS),
     by_torch(lambda p: O.RMSprop(p, lr=0.0625, alpha=0.75, eps=EPS, weight_decay=0.25, momentum=0.5))),
    ("adam", "adam", dict(lr=0.125, mom=BETAS[0], sqr_mom=BETAS[1], eps=EPS),
     by_torch(lambda p: O.Adam(p, lr=0.125, betas=BETAS, eps=EPS))),
    ("adam with l2", "adam", dict(lr=0.125, mom=BETAS[0], l2=0.5, sqr_mom=BETAS[1], eps=EPS),
     by_torch(lambda p: O.Adam(p, lr=0.125, betas=BETAS, eps=EPS, weight_decay=0.5))),
    ("adamw", "adamw", dict(lr=0.125, mom=BETAS[0], wd=0.25, sqr_mom=BETAS[1], eps=EPS),
     by_torch(lambda p: O.AdamW(p, lr=0.125, betas=BETAS, eps=EPS, weight_decay=0.25))),
    ("radam", "radam", dict(lr=0.125, mom=BETAS[0], sqr_mom=BETAS[1], eps=EPS),
     by_torch(lambda p: O.RAdam(p, lr=0.125, betas=BETAS, eps=EPS))),
    ("radam with decay", "radam", dict(lr=0.125, mom=BETAS[0], wd=0.25, sqr_mom=BETAS[1], eps=EPS),
     by_torch(lambda p: O.RAdam(p, lr=0.125, betas=BETAS, eps=EPS, weight_decay=0.25, decoupled_weight_decay=True))),
    ("momentum that starts at a gradient", "momentum", dict(lr=0.125, mom=0.75, damp=0.5, start=1),
     by_torch(lambda p: O.SGD(p, lr=0.125, momentum=0.75, dampening=0.5))),
    # with numbers of their own
    ("rmsprop as it is", "rmsprop", {}, by_torch(O.RMSprop)),
    ("adam as it is", "adam", {}, by_torch(O.Adam)),
    ("adamw as it is", "adamw", {}, by_torch(O.AdamW)),
    ("radam as it is", "radam", {}, by_torch(O.RAdam)),
    ("lion", "lion", dict(lr=0.0625, mom=BETAS[0], wd=0.125, sqr_mom=BETAS[1]), by_hand(lion)),
    ("lamb", "lamb", dict(lr=0.0625, mom=BETAS[0], wd=0.125, sqr_mom=BETAS[1], eps=EPS, trust=0.75), by_hand(lamb)),
    ("adam of the notebooks", "adam_course", dict(lr=0.125, mom=BETAS[0], sqr_mom=BETAS[1], sqr_eps=2.0**-6),
     by_hand(adam_notebook)),
    ("adam of the course's library", "adam_course_library",
     dict(lr=0.125, mom=BETAS[0], wd=0.25, sqr_mom=BETAS[1], eps=2.0**-6), by_hand(adam_library)),
    ("momentum of the course's library", "momentum_course_library", dict(lr=0.0625, mom=0.875, wd=0.25),
     by_hand(momentum_library)),
    ("debiased average of gradients", "momentum", dict(lr=0.125, mom=0.75, damp=0.75, wd=0.25, debias=1),
     by_hand(debiased_average)),
    ("rmsprop of the notebooks", "rmsprop_course", dict(lr=0.125, sqr_mom=BETAS[1], eps=2.0**-6),
     by_hand(rmsprop_notebook)),
]


def numbers(row):
    return "{ " + ", ".join("%.17g" % v for v in row) + " }"


print("/* Made by golden_adam.py: parameters after each step of rules in double. */")
print("/* clang-format off */")
print("static const struct golden_adam {")
print("    const char *name;")
print("    const socle_opt_rule *(*rule)(void);")
print("    const char *hyper[8]; /* names and values; the rest are the rule's own */")
print("    double value[8];")
print("    double p[GOLDEN_STEPS][GOLDEN_SIZE];")
print("} golden_adam[] = {")
for name, rule, hypers, rows in CASES:
    names = ", ".join('"%s"' % h for h in hypers) or "NULL"
    values = ", ".join("%.17g" % v for v in hypers.values()) or "0"
    print('    { "%s", socle_%s, { %s }, { %s }, {' % (name, rule, names, values))
    for row in rows:
        print("        %s," % numbers(row))
    print("    } },")
print("};")
print("/* clang-format on */")
