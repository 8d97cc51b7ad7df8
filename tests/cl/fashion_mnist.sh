#!/usr/bin/env bash
# The Fashion-MNIST network on the OpenCL device and on the CPU: fashion_mnist.sh PROGRAM. Exit 77 (skip) without the data.
#
# Two runs on the device give the same weights, bit for bit; its accuracy is that of the CPU to 0.01 (the first 50 losses,
# before training becomes chaotic, are compared much more closely by test_training.c). With batch norm and normalised input
# it is at least 0.8, as on the CPU.
set -euo pipefail
program=$1
data=${SOCLE_DATA:-/usr/share/datasets/fashion-mnist}
[ -e "$data/train-images-idx3-ubyte.gz" ] || {
    echo "no Fashion-MNIST in $data (Debian package dataset-fashion-mnist): skipped"
    exit 77
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

run() {
    "$program" --data "$data" --epochs 5 --seed 1 --quiet --device "$2" --save "$out/$1.safetensors" | tee "$out/$1.txt"
}
norm=$("$program" --data "$data" --model bn --norm-input --epochs 5 --seed 1 --quiet --device cl | tee /dev/stderr)
awk '{ if ($4 < 0.8) { print "with batch norm, accuracy is below 0.8"; exit 1 } }' <<< "$norm"
run first cl
run second cl
run cpu cpu
cmp "$out/first.safetensors" "$out/second.safetensors"
echo "two runs give the same weights"
awk '{ a[NR] = $4 } END { d = a[1] - a[2]; if (d < 0) d = -d; if (NR != 2 || d > 0.01) { print "accuracy differs by " d; exit 1 } }' \
    "$out/first.txt" "$out/cpu.txt"
