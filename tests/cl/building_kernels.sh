#!/bin/sh
# building_kernels.sh FASHION_MNIST MAKE_IDX: on a terminal the example says that kernels are being built before the first
# batch, and only when it has to: not from a warm cache, not into a pipe, not with --quiet.
set -eu
program=$1 make_idx=$2
command -v script > /dev/null || {
    echo "skipped: the program script (Debian: bsdutils), which gives a terminal, is not installed"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset SOCLE_LOG
fail() {
    echo "$*"
    exit 1
}
mkdir data
"$make_idx" data 512 64
train="$program --data data --device cl --epochs 1 --batch-size 64"

# cold: the next program finds no kernels. What PoCL itself keeps stays, so this is short.
cold() {
    rm -rf cache
    export SOCLE_CACHE_DIR="$folder/cache"
}
on_terminal() {
    script -qec "$train $*" /dev/null < /dev/null | tr -d '\r'
}

cold
on_terminal > terminal
[ "$(grep -cx "building kernels" terminal)" -eq 1 ] || fail "on a terminal: one line \"building kernels\" expected: $(cat terminal)"
[ "$(sed -n 2p terminal)" = "building kernels" ] || fail "it should follow the device's name: $(cat terminal)"
grep -q "final eval accuracy" terminal || fail "on a terminal: $(cat terminal)"
! on_terminal | grep "building" || fail "nothing is built from a warm cache"
cold
! on_terminal --quiet | grep "building" || fail "--quiet prints one line"
cold
! $train 2>&1 | grep "building" || fail "a pipe is no terminal"
cold
SOCLE_LOG=info $train 2> log > /dev/null
grep -qx "socle: info: building kernels" log || fail "SOCLE_LOG=info: $(cat log)"
echo "building kernels: said when it should be"
