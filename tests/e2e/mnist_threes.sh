#!/usr/bin/env bash
# The published numbers of MNIST's threes and sevens, on the real images: mnist_threes.sh MNIST_3S_7S INITIAL_WEIGHTS
# IDX_TO_PNG [SEED...], on the device SOCLE_TEST_DEVICE (cpu); the ResNet with those seeds. Exit 77 (skip) where MNIST is
# missing.
#
# Equal to four digits: the mean images' accuracies, the twenty of the linear layer from PyTorch's initial weights, and the
# losses of validation that PyTorch has after ten epochs of the same. Intervals: the Learner's .967 and .9785, each of three
# seeds, whose initial weights were others; its loss of validation falls from the fourth epoch on (before, it also rises in
# PyTorch, from two of six seeds). Floors: the mean of four seeds from normal weights, for which PyTorch gave .9632 .9711
# .9647 .9740 and .944 to .957.
set -euo pipefail
program=$1 initial=$2 idx_to_png=$3 device=${SOCLE_TEST_DEVICE:-cpu}
shift 3
data=${SOCLE_MNIST:-$(dirname "$0")/../../data/mnist}
[ -e "$data/train-images-idx3-ubyte.gz" ] || {
    echo "no MNIST in $data (scripts/get-data mnist, or SOCLE_MNIST=DIR): skipped"
    exit 77
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() {
    echo "$*"
    exit 1
}
step() {
    "$program" --data "$data" --device "$device" --step "$@"
}

step pixels > "$out/pixels"
grep -q "^6131 threes and 6265 sevens to train on, 1010 and 1028 to validate with$" "$out/pixels"
step baseline > "$out/baseline"
grep ": accuracy" "$out/baseline"
grep -q "^mean image (L1): accuracy 0.9511$" "$out/baseline" || fail "L1: not .9511"
grep -q "^mean image (L2): accuracy 0.9661$" "$out/baseline" || fail "L2: not .9661"

twenty="0.4932 0.8843 0.8140 0.9087 0.9336 0.9463 0.9555 0.9614 0.9663 0.9673
0.9697 0.9712 0.9741 0.9751 0.9761 0.9770 0.9775 0.9775 0.9785 0.9785"
got=$(step linear --init "$initial" | grep -E '^0\.[0-9]{4} ')
echo "$got"
[ "$got" = "$twenty" ] || fail "the twenty published accuracies are
$twenty"
mkdir "$out/png"
"$idx_to_png" "$data" "$out/png"
if got=$(step linear --init "$initial" --data "$out/png" 2> "$out/stderr" | grep -E '^0\.[0-9]{4} '); then
    [ "$got" = "$twenty" ] || fail "PNG images in the order of their names give others: $got"
else
    grep -q cairo "$out/stderr" || fail "$(cat "$out/stderr")"
fi

losses=$(step learner --init "$initial" | awk 'NF == 4 && $1 ~ /^[0-9]+$/ { printf "%.4f ", $3 }')
[ "$losses" = "0.5036 0.1543 0.2021 0.1130 0.0807 0.0638 0.0535 0.0468 0.0421 0.0387 " ] ||
    fail "the Learner's losses of validation are not PyTorch's: $losses"

# results STEP SEED...: each seed's last accuracy, a line each, in $out/STEP
results() {
    local name=$1 seed
    shift
    echo "$name"
    for seed in "$@"; do
        step "$name" --seed "$seed" > "$out/log"
        awk '/: accuracy / { print $NF }' "$out/log" | tee -a "$out/$name"
        awk 'NF == 4 && $1 ~ /^[0-9]+$/ { if ($1 >= 3 && $3 >= loss) exit 1; loss = $3 }' "$out/log" ||
            fail "$name, seed $seed: the loss of validation rises"
    done
}
# within STEP LOW HIGH: each; mean STEP LOW: together
within() {
    awk -v low="$2" -v high="$3" '$1 < low || $1 > high { bad = 1 } END { exit bad || NR == 0 }' "$out/$1" ||
        fail "$1: not all in [$2, $3]"
}
mean() {
    awk -v low="$2" '{ sum += $1 } END { printf "mean %.4f\n", sum / NR; exit sum / NR < low }' "$out/$1" ||
        fail "$1: the mean is below $2"
}
results learner 1 2 3
within learner 0.964 0.970
results nonlinear-learner 1 2 3
within nonlinear-learner 0.977 0.980
results nonlinear 1
within nonlinear 0.975 0.982
results own-linear 1 2 3 4
mean own-linear 0.963
results own-nonlinear 1 2 3 4
mean own-nonlinear 0.94
if [ $# -gt 0 ]; then
    results resnet18 "$@"
    mean resnet18 0.995
fi
echo "threes are told from sevens as published"
