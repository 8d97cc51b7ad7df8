#!/bin/sh
# tools.sh SOCLE: the program socle from outside: what it prints, its exit codes, and one sentence for every bad input.
set -u
program=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0
unset SOCLE_DEVICE SOCLE_LOG

complain() {
    echo "$1"
    cat stdout stderr
    failures=$((failures + 1))
}

# accept WORDS [ARGUMENT...]: exit 0, nothing on stderr, these words on stdout
accept() {
    words=$1
    shift
    timeout 300 "$program" "$@" > stdout 2> stderr
    got=$?
    if [ "$got" -ne 0 ] || [ -s stderr ] || ! grep -q -- "$words" stdout; then
        complain "$*: exit $got, \"$words\" expected"
    fi
}

# also WORDS: the last accepted command printed these too
also() {
    grep -q -- "$1" stdout || complain "\"$1\" expected"
}

# refuse EXIT WORDS [ARGUMENT...]: exit status, one line on stderr with these words, nothing on stdout
refuse() {
    status=$1 words=$2
    shift 2
    timeout 60 "$program" "$@" > stdout 2> stderr
    got=$?
    if [ "$got" -ne "$status" ] || [ -s stdout ] || [ "$(wc -l < stderr)" -ne 1 ] || ! grep -q -- "$words" stderr; then
        complain "$*: exit $got (not $status), one line with \"$words\" expected"
    fi
}

accept "^socle [0-9]*\.[0-9]*\.[0-9]*$" version
accept "^socle [0-9]" --version
accept "selftest \[--device SPEC\]" help
accept "devices" --help

accept "^cpu: " devices
also "^ref: "
also "^default: "
also "threads  *[1-9]"
[ "$(grep -c "usable  *yes" stdout)" -ge 3 ] || complain "three usable devices expected"
also "OpenCL\|^cl:0: "
opencl=$(grep -c "^cl:0: " stdout)

accept "^PASS: cpu: " selftest --device cpu --family reduce
also "^reduce .* PASS "
accept "^PASS: cpu: .* 2 slots, " selftest --device cpu --family reduce --threads 2
accept "^gemm .* PASS " selftest --device ref --family gemm --long --threads 1
if [ "$opencl" -gt 0 ]; then
    "$program" selftest --device cl:0 --family random > stdout 2> stderr # a kernel's compiler may have things to say
    [ $? -eq 0 ] || complain "selftest --device cl:0 failed"
    also "^PASS: cl: "
    also "^dropout .* PASS "
    refuse 2 "cl:0 (" selftest --device cl:99
    refuse 2 "cl:0 (" tune --device cl:99
    refuse 2 "part of a name: cl:0 (" selftest --device cl:abacus
fi

# An unusable kernel table is the device's failure, not the program's: the others are still listed.
SOCLE_CPU_ISA=abacus "$program" devices > stdout 2> stderr || complain "devices failed because one device did"
grep -q "usable  *no: .*abacus" stdout || complain "the device that cannot be used should say why"
grep -q "^ref: " stdout || complain "ref is missing"

refuse 2 "say what"
refuse 2 "\"frobnicate\" is no command" frobnicate
refuse 2 "\"--frobnicate\" is no option" devices --frobnicate
refuse 2 "\"more\" is no option" version more
refuse 2 "\"-x\" is no option" help -x
refuse 2 "\"-x\" is no option" selftest -x
refuse 2 "abacus.*unknown.*cpu" selftest --device abacus
refuse 2 "number" selftest --device cpu:abacus
refuse 1 "'cpu.*' has nothing to tune" tune --device cpu
refuse 2 "--threads.* is no option" tune --threads 2
refuse 2 "abacus.*unknown.*cpu" tune --device abacus
refuse 2 "counted from 0" selftest --device cpu:1
refuse 2 "\"abacus\", only elementwise, .*optim" selftest --device cpu --family abacus
refuse 2 "--device needs a value" selftest --device
refuse 2 "threads.*1 to 4, not \"0\"" selftest --threads 0
refuse 2 "threads.*\"5\"" selftest --threads 5
refuse 2 "threads.*\"2x\"" selftest --threads 2x
refuse 2 "threads.*\"\"" selftest --threads ""
SOCLE_DEVICE=abacus
export SOCLE_DEVICE
refuse 2 "abacus" selftest --family optim
[ "$failures" -eq 0 ] || exit 1
echo "devices, selftest, tune and every bad input: as documented"
