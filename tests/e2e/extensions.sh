#!/bin/sh
# extensions.sh MAKE_IDX LEARNING_RATE CUSTOM_LAYER CUSTOM_LOSS CUSTOM_OPTIMIZER: the programs that extend the library learn a
# small synthetic data set, on the device SOCLE_TEST_DEVICE (cpu).
set -eu
make_idx=$1 device=${SOCLE_TEST_DEVICE:-cpu}
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() {
    echo "$*"
    exit 1
}

mkdir data
"$make_idx" data 6000 500
for program; do
    name=$(basename "$program")
    "$program" data "$device" > "$name.txt" || fail "$name ends with $?"
    accuracy=$(awk '/eval/ { last = $1 } END { print last }' "$name.txt")
    awk "BEGIN { exit !($accuracy >= 0.9) }" || fail "$name: bars at ten heights are not told apart: $(cat "$name.txt")"
    ! "$program" nowhere "$device" > /dev/null 2> stderr || fail "$name accepts a folder that is not there"
    grep -q "nowhere: no such folder" stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "$name: $(cat stderr)"
done
grep -q "learning rate" learning_rate.txt || fail "learning_rate shows no curve: $(cat learning_rate.txt)"
grep -q "1: Gate  *| .* | *8 |" custom_layer.txt || fail "the summary misses the layer: $(cat custom_layer.txt)"
head -n 1 custom_loss.txt | grep -q sureness || fail "the metric has no column: $(cat custom_loss.txt)"
echo "the library was extended in four places"
