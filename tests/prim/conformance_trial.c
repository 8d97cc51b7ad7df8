/* Building trials: operands and their values. */
#include "conformance_trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/die.h"
#include "support/support.h"

void trial_begin(trial *t, const trial_slot *slot, const void *attr, const char *fmt, ...)
{
    *t = (trial){ .slot = slot, .attr = attr };
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->row, sizeof(t->row), fmt, args);
    va_end(args);
    for (const char *c = t->row; *c; c++)
        t->seed = t->seed * 131 + (unsigned char)*c;
}

static operand *add(trial *t, const char *name, trial_role role, socle_dtype dtype, socle_shape s)
{
    if (t->n == TRIAL_MAX_OPERANDS)
        support_die("%s %s: too many operands", t->slot->name, t->row);
    operand *o = &t->op[t->n++];
    *o = (operand){ .name = name, .role = role, .dtype = dtype, .shape = s };
    return o;
}

operand *trial_in(trial *t, const char *name, socle_dtype dtype, socle_shape s)
{
    return add(t, name, TRIAL_IN, dtype, s);
}

operand *trial_out(trial *t, const char *name, socle_dtype dtype, socle_shape s)
{
    return add(t, name, TRIAL_OUT, dtype, s);
}

operand *trial_inout(trial *t, const char *name, socle_dtype dtype, socle_shape s)
{
    return add(t, name, TRIAL_INOUT, dtype, s);
}

void trial_absent(trial *t, const char *name)
{
    add(t, name, TRIAL_ABSENT, TRIAL_REAL, socle_shape0());
}

size_t operand_count(const operand *o)
{
    size_t n = 1;
    for (int i = 0; i < o->shape.ndim; i++)
        n *= (o->repeat >> i & 1) ? 1 : (size_t)o->shape.dim[i];
    return n;
}

void operand_stored(operand *o, uint32_t repeat)
{
    for (int i = 0; i < o->shape.ndim; i++)
        if (repeat >> i & 1)
            o->repeat |= 1u << i;
}

static void make_values(operand *o)
{
    free(o->values);
    o->values = support_alloc(operand_count(o) * sizeof(*o->values));
}

void operand_uniform(trial *t, operand *o, double lo, double hi)
{
    make_values(o);
    fill_random(o->values, operand_count(o), t->seed + (uint64_t)(o - t->op), lo, hi);
    for (size_t i = 0; i < operand_count(o); i++)
        o->values[i] = (double)(float)o->values[i];
}

void operand_whole(trial *t, operand *o, int lo, int hi)
{
    make_values(o);
    fill_whole(o->values, operand_count(o), t->seed + (uint64_t)(o - t->op), lo, hi);
}

void operand_values(operand *o, const double *values)
{
    make_values(o);
    bool real = o->dtype == TRIAL_REAL;
    for (size_t i = 0; i < operand_count(o); i++)
        o->values[i] = real ? (double)(float)values[i] : values[i];
}

double *operand_want(trial *t, const char *name)
{
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->op[i].name, name) == 0)
            return t->op[i].want;
    support_die("%s has no operand %s", t->row, name);
}

void trial_free(trial *t)
{
    for (int i = 0; i < t->n; i++) {
        free(t->op[i].values);
        free(t->op[i].want);
        free(t->op[i].scale);
    }
}

char *shape_words(socle_shape s, char text[64])
{
    int used = snprintf(text, 64, s.ndim ? "%lld" : "scalar", (long long)s.dim[0]);
    for (int i = 1; i < s.ndim && used < 60; i++)
        used += snprintf(text + used, (size_t)(64 - used), "x%lld", (long long)s.dim[i]);
    return text;
}
