#!/usr/bin/env bash
# Trains the Fashion-MNIST networks on the real images: fashion_mnist.sh PROGRAM. Exit 77 (skip) where the data is missing.
#
# Floors: five epochs, seeds 1 to 5. The plain network at least 0.76 each and 0.81 on average; PyTorch's six seeds gave .782
# to .847, mean .817. With batch norm and normalised input at least 0.80 each and 0.845 on average; PyTorch's gave .803 to
# .873, mean .850. The same weights and metrics, bit for bit, for 1 and 2 threads however the number is given.
set -euo pipefail
program=$1
data=${SOCLE_DATA:-/usr/share/datasets/fashion-mnist}
[ -e "$data/train-images-idx3-ubyte.gz" ] || {
    echo "no Fashion-MNIST in $data (Debian package dataset-fashion-mnist): skipped"
    exit 77
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# floors LEAST MEAN OPTION...
floors() {
    local least=$1 mean=$2
    shift 2
    echo "$*"
    rm -f "$out/lines"
    for seed in 1 2 3 4 5; do
        "$program" --data "$data" --epochs 5 --batch-size 256 --lr 0.2 --seed $seed --quiet "$@" | tee -a "$out/lines"
    done
    awk -v least="$least" -v floor="$mean" '
        { n++; sum += $4; if ($4 < least) { print "seed " n ": " $4 " is below " least; bad = 1 } }
        END { printf "mean %.4f\n", sum / n; if (n != 5 || sum / n < floor) { print "the mean is below " floor; bad = 1 } exit bad }
        ' "$out/lines"
}
floors 0.76 0.81 --model conv
floors 0.80 0.845 --model bn --norm-input

run() {
    local name=$1
    shift
    "$@" --data "$data" --epochs 2 --quiet --out "$out/$name" --save "$out/$name.safetensors" > "$out/$name.txt"
}
run one "$program" --threads 1
run two "$program" --threads 2
run env-one env OMP_NUM_THREADS=1 "$program"
run env-two env OMP_NUM_THREADS=2 "$program"
run workers "$program" --threads 2 --workers 3
for name in two env-one env-two workers; do
    cmp "$out/one/metrics.csv" "$out/$name/metrics.csv"
    cmp "$out/one.safetensors" "$out/$name.safetensors"
done
echo "metrics and weights are the same for every number of threads and workers"
