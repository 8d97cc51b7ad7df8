#!/bin/sh
# Who includes whom: every #include line against the table of rooms, and names that belong to one file only.
# layering.sh SOURCE_DIR
set -u
cd "$1" || exit 1
failed=0 checked=0

complain()
{
    echo "$1"
    failed=1
}

# C's own headers. Others are named by the rooms that may use them.
c11='<(assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic'
c11="$c11"'|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|threads|time|uchar|wchar|wctype)\.h>'

# room NAME PATTERN FILE ...: every include of the files matches the extended regular expression.
room()
{
    name=$1 allowed=$2
    shift 2
    for file in "$@"; do
        [ -f "$file" ] || continue
        checked=$((checked + 1))
        bad=$(sed -n 's/^[ \t]*#[ \t]*include[ \t]*\([<"][^>"]*[>"]\).*/\1/p' "$file" | grep -vxE "$allowed")
        for include in $bad; do
            complain "$file: a file of $name may not include $include"
        done
    done
}

public='<socle/[a-z]+\.h>'
own='"[a-z0-9_]+\.(h|def)"'
posix='<(dirent|fcntl|pthread|sched|strings|unistd|sys/[a-z]+)\.h>'

room "include/socle" '"[a-z]+\.h"|<std(bool|def|int)\.h>' $(ls include/socle/*.h | grep -vE '/(callbacks|plot)\.h')
room "include/socle" '"[a-z]+\.h"|<std(bool|def|int|io)\.h>' include/socle/callbacks.h include/socle/plot.h
room "include/socle/sys" '"\.\./(base|tensor|ctx)\.h"|"[a-z]+\.(h|def)"|<std(bool|def|int)\.h>' include/socle/sys/*

room lib/core "$own|\"core/[a-z]+\.h\"|$public|<socle/sys/[a-z]+\.h>|$c11|$posix" lib/core/*
room lib/prim "$own|\"(core|prim)/[a-z]+\.h\"|$public|<socle/sys/[a-z]+\.(h|def)>|$c11" lib/prim/*
room lib/ops "$own|\"(core|prim|ops)/[a-z]+\.(h|def)\"|$public|<socle/sys/[a-z]+\.(h|def)>|$c11" lib/ops/*
data='<socle/(base|tensor|ctx|init|data|vision)\.h>|<socle/sys/(backend|memory|philox)\.h>|<libdeflate\.h>'
room lib/data "$own|\"(core|data)/[a-z]+\.h\"|$data|$c11|$posix" lib/data/*
room lib/nn "$own|\"nn/[a-z_]+\.h\"|$public|<socle/sys/(op|prim|memory|philox)\.h>|$c11" lib/nn/*
room lib/optim "$own|\"optim/[a-z_]+\.h\"|$public|<socle/sys/(prim|memory)\.h>|$c11" lib/optim/*
room lib/learn "$own|\"(learn/[a-z_]+|plot/curve)\.h\"|$public|<socle/sys/(prim|memory)\.h>|$c11|$posix" lib/learn/*
room lib/io "$own|\"io/[a-z_]+\.h\"|$public|<socle/sys/memory\.h>|$c11|$posix" lib/io/*
plot='"core/error\.h"|"io/file\.h"|"plot/[a-z]+\.h"|<socle/(base|plot)\.h>|<socle/sys/memory\.h>'
room lib/plot "$own|$plot|$c11" lib/plot/*.[ch] lib/plot/none/*
room lib/plot/cairo "$own|$plot|$c11|$posix|<cairo(-svg)?\.h>" lib/plot/cairo/*

backend='<socle/(base|tensor)\.h>|<socle/sys/(backend|memory|philox|test|unary|binary)\.(h|def)>'
room lib/ref "$own|\"ref/[a-z0-9_]+\.h\"|$backend|$c11" lib/ref/*
simd='<(omp|cpuid|immintrin|xmmintrin|arm_neon|sanitizer/asan_interface)\.h>'
room cpu "\"(\.\./|isa/)?[a-z0-9_]+\.h\"|$backend|$c11|$simd|$posix" cpu/*.[ch] cpu/isa/*
room cl "$own|$backend|$c11|<(CL/cl|clblast_c)\.h>|$posix" cl/*.[ch]

code="lib cpu $([ -d cl ] && echo cl)"
# only FILE PATTERN: no other file of the library says it.
only()
{
    file=$1 pattern=$2
    for other in $(grep -rlE --include='*.[ch]' "$pattern" $code | grep -vxE "$file"); do
        complain "$other: only $file may say: $(grep -E "$pattern" "$other" | head -1)"
    done
}
only 'cpu/parallel\.c' '#[ \t]*include[ \t]*<omp\.h>|#[ \t]*pragma[ \t]+omp'
only 'lib/core/thread\.[ch]|cpu/memory\.c|cl/[a-z]+\.[ch]' '#[ \t]*include[ \t]*<pthread\.h>'
only 'cpu/isa/.*' '#[ \t]*include[ \t]*<(immintrin|arm_neon)\.h>'

# forbid WHY PATTERN: calls that no file makes, but for core/alloc.c, which is where memory comes from.
forbid()
{
    for file in $(grep -rlE --include='*.[ch]' "\\b($2) ?\\(" $code | grep -vx 'lib/core/alloc.c'); do
        complain "$file: $1: $(grep -nE "\\b($2) ?\\(" "$file" | head -1)"
    done
}
forbid 'the library does not print to stdout, exit or abort' 'printf|puts|exit|abort|_Exit'
forbid 'host memory comes from socle/sys/memory.h' 'malloc|calloc|realloc|strdup|aligned_alloc|posix_memalign'

echo "$checked files"
[ "$checked" -gt 0 ] && exit $failed
