#!/bin/bash
# Every kernel on small operands under oclgrind, a simulator that reports data races, accesses outside of a buffer and uses
# of memory that nobody wrote: the kernels for processors and those for other devices (SOCLE_CL_KIND), each buffer with
# memory of its own (SOCLE_CL_SLABS=0; without that oclgrind loses track of what was written). Its exit status stays 0, so
# what it says on stderr counts (not --log, which each new context empties); a kernel of the library that has not run also
# counts as a failure.
#
#     oclgrind.sh CONFORMANCE WAYS KERNEL-FOLDER
set -u

# one KIND:FAMILY:OPTION, its output into files of that name in $work
simulate() {
    local kind family option checks="--data-races --uninitialized"
    IFS=: read -r kind family option <<< "$1"
    # lanes past the last image are computed with although nobody wrote them
    [ "$option" = partial ] && checks=--data-races
    local program=("$conformance" cl:oclgrind "$family" "--$option")
    [ "$family" = ways ] && program=("$ways" cl:oclgrind)
    # without optimization: its checks do not know every instruction that the optimizer makes (freeze)
    SOCLE_CL_KIND=$kind oclgrind --build-options -cl-opt-disable --num-threads 1 $checks --inst-counts \
        --local-mem-size 1048576 --max-errors 20 "${program[@]}" \
        > "$work/$1.out" 2> "$work/$1.err"
    echo $? > "$work/$1.status"
    grep -vE "^[0-9]+ warnings? generated\.$" "$work/$1.err" > "$work/$1.said"
    sed -n "s/^Instructions executed for kernel '\(.*\)':$/\1/p" "$work/$1.out" | sort -u > "$work/$1.kernels"
    echo "$1: $(grep -E "rows$|agrees" "$work/$1.out")"
}

if [ "${1:-}" = --simulate ]; then
    simulate "$2"
    exit
fi
if ! command -v oclgrind > /dev/null; then
    echo "skipped: oclgrind is not installed"
    exit 77
fi
conformance=$1
ways=$2
kernels=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export conformance ways work SOCLE_CACHE_DIR= SOCLE_CL_SLABS=0
failed=0
runs="gpu:ways:all cpu:ways:all"
for family in norm pool softmax conv index binary elementwise linear reduce gemm optim random histogram shift; do # the slow ones first
    runs+=" gpu:$family:smallest cpu:$family:smallest"
done
for family in conv linear; do
    runs+=" gpu:$family:partial cpu:$family:partial"
done
printf '%s\n' $runs | xargs -P "$(nproc)" -n 1 "$0" --simulate
for run in $runs; do
    if [ "$(cat "$work/$run.status")" != 0 ] || [ -s "$work/$run.said" ]; then
        echo "FAIL $run"
        grep -vE "^ |^Instructions|^$" "$work/$run.out" | head -n 20
        head -n 60 "$work/$run.said"
        failed=1
    fi
done
sort -u "$work"/*.kernels > "$work/ran"
cat "$kernels"/*.cl | tr '\n' ' ' | sed 's/__kernel /\n&/g' |
    sed -nE 's/^__kernel (__attribute__[()a-z_0-9, ]*)?void ([a-z0-9_]+)\(.*/\2/p' | sort -u > "$work/all"
not_run=$(comm -13 "$work/ran" "$work/all")
if [ -n "$not_run" ] || [ ! -s "$work/all" ]; then
    echo "FAIL: kernels that did not run:" $not_run
    failed=1
fi
echo "$(wc -l < "$work/all") kernels, $([ $failed = 0 ] && echo nothing to report || echo FAIL)"
exit $failed
