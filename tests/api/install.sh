#!/bin/sh
# Installs into a temporary folder, then configures, builds and runs a small project of its own that uses the package:
# install.sh CMAKE BUILD_DIR PROJECT_DIR C_COMPILER CXX_COMPILER
set -eu
cmake=$1 build=$2 project=$3 cc=$4 cxx=${5:-}
case $cxx in *NOTFOUND) cxx= ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/prefix" >"$work/install.log"
CC=$cc CXX=$cxx "$cmake" -S "$project" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DWITH_CXX="$([ -n "$cxx" ] && echo ON || echo OFF)" >"$work/configure.log"
"$cmake" --build "$work/build" >"$work/build.log" 2>&1 || {
    cat "$work/build.log"
    exit 1
}
for program in consume consume_static consume_cxx; do
    if [ -x "$work/build/$program" ]; then
        echo "$program: $("$work/build/$program")"
    fi
done
