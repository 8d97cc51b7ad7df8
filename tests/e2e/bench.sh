#!/bin/sh
# bench.sh SOCLE_BENCH: train prints what a step takes; every workload trains, and its steady state takes no device memory
# and does not wait; prim checks rows and times them, load makes batches.
set -u
program=$1
failures=0

fail() {
    echo "$*"
    failures=$((failures + 1))
}

out=$("$program" train fashion_conv --device cpu --threads 1 --seconds 0.01) || fail "train: exit $?"
for words in "^cpu: " "^fashion_conv: .*batch 256" "^loader " "^forward " "^backward " "^optimizer " "^step " "images/s$" \
    "takes 0 bytes of device memory" "^it calls [0-9]* primitives" "^at most [0-9]* MB of memory" "the first step was done [0-9.]* s after the start$"; do
    echo "$out" | grep -q "$words" || fail "train: \"$words\" expected: $out"
done

# trains NAME BATCH [ARGUMENT...]: --json prints one line, of this workload
trains() {
    name=$1
    batch=$2
    shift 2
    json=$("$program" train "$@" --device cpu --threads 1 --seconds 0.01 --json) || fail "train $* --json: exit $?"
    [ "$(echo "$json" | wc -l)" -eq 1 ] || fail "train $* --json: one line expected: $json"
    for words in "\"workload\": \"$name\"" '"threads": 1' "\"batch\": $batch," '"parameters": [1-9]' '"step_median_s": [0-9]' \
        '"device_bytes": 0,' '"waits": 0,' '"compiled": 0,'; do
        echo "$json" | grep -q "$words" || fail "train $* --json: $words expected: $json"
    done
}
trains fashion_conv 256
trains fashion_bn 256 fashion_bn
trains batchnorm_nb 512 batchnorm_nb
trains batchnorm_nb2 2 batchnorm_nb2
trains running_nb2 2 running_nb2
trains mlp37 256 mlp37
for name in resnet18_28 fashion_resnet fashion_wide imagenette_cnn; do # smaller than they are, for time
    trains $name 16 $name --batch-size 16
done

# load: with and without workers; a folder without data is a failure
json=$("$program" load --filter "load 64x1x28x28" --threads 1 --seconds 0.001 --json) || fail "load: exit $?"
[ "$(echo "$json" | grep -c '"name": "64x1x28x28", .*"images_per_s": [1-9]')" -eq 2 ] || fail "load: two lines expected: $json"
"$program" load --filter "load files" --data /nowhere 2>&1 | grep -q "/nowhere/train-images" ||
    fail "load --data /nowhere: a word about the file expected"

# prim: a row of each kind, checked and timed
out=$("$program" prim --filter "linear 50-10" --threads 1 --seconds 0.001) || fail "prim linear: exit $?"
echo "$out" | grep -q "^linear .* backward " || fail "prim: a linear layer expected: $out"
json=$("$program" prim --filter "pool_grad average 2x2 of 28 add" --threads 1 --seconds 0.001 --json) || fail "prim pool_grad: exit $?"
[ "$(echo "$json" | wc -l)" -eq 1 ] || fail "prim pool_grad: one line expected: $json"
# dx of 256x8x28x28, read and written, and dy of a quarter of that, in floats
echo "$json" | grep -q '"family": "pool_grad", .*"bytes": 14450688, "gbs": [0-9.e+]*, "triad_gbs": [1-9]' ||
    fail "prim pool_grad: its bytes and a triad expected: $json"

"$program" --help | grep -q "^ *fashion_conv  .*(default)" || fail "--help does not list the workloads"
# refuse WORDS [ARGUMENT...]: exit 2, one line on stderr with these words
refuse() {
    words=$1
    shift
    said=$("$program" "$@" 2>&1 >/dev/null)
    [ $? -eq 2 ] || fail "$*: exit 2 expected"
    [ "$(echo "$said" | wc -l)" -eq 1 ] && echo "$said" | grep -q -- "$words" || fail "$*: \"$words\" expected: $said"
}
refuse 'no workload "abacus"' train abacus
refuse '"more" is not known' train fashion_conv more
refuse '--batch-size wants a whole number, not "2.5"' train fashion_conv --batch-size 2.5
refuse "peak, prim, load or train"
[ "$failures" -eq 0 ] || exit 1
echo "as documented"
