/* What the lines of sys/unary.def and sys/binary.def are called, and what their derivatives need. */
#include <socle/sys/prim.h>

static const char *const unary_names[SOCLE_UNARY_COUNT] = {
#define U(name, value, derivative, keep) #name,
#include <socle/sys/unary.def>
#undef U
};

static const socle_keep unary_keeps[SOCLE_UNARY_COUNT] = {
#define U(name, value, derivative, keep) SOCLE_KEEP_##keep,
#include <socle/sys/unary.def>
#undef U
};

static const struct binary_line {
    const char *name;
    socle_keep keep;
    bool compares;
} binary_lines[SOCLE_BINARY_COUNT] = {
#define B(name, value, da, db, keep) { #name, SOCLE_KEEP_##keep, false },
#define C(name, value)               { #name, SOCLE_KEEP_NONE, true },
#include <socle/sys/binary.def>
#undef B
#undef C
};

socle_keep socle_unary_keep(socle_unary op)
{
    return unary_keeps[op];
}

socle_keep socle_binary_keep(socle_binary op)
{
    return binary_lines[op].keep;
}

bool socle_binary_compares(socle_binary op)
{
    return binary_lines[op].compares;
}

const char *socle_unary_name(socle_unary op)
{
    return unary_names[op];
}

const char *socle_binary_name(socle_binary op)
{
    return binary_lines[op].name;
}
