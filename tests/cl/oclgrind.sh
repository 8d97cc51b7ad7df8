#!/bin/sh
# Every kernel on small operands under oclgrind, which simulates a device that is no processor and reports data races and
# reads of uninitialized memory; its exit status stays 0, so its log is what counts. oclgrind.sh CONFORMANCE
set -u
if ! command -v oclgrind > /dev/null; then
    echo "skipped: oclgrind is not installed"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export SOCLE_CACHE_DIR="$work/cache"
failed=0
for family in elementwise binary reduce gemm linear conv pool index random softmax optim; do
    log=$work/$family.log
    # without optimization: its simulator does not know every instruction that the optimizer makes (freeze)
    oclgrind --build-options -cl-opt-disable --data-races --uninitialized --max-errors 20 --log "$log" "$1" cl:oclgrind $family --smallest ||
        failed=1
    if [ -s "$log" ]; then
        echo "$family: oclgrind says"
        head -n 60 "$log"
        failed=1
    fi
done
exit $failed
