/* Does a device do what sys/backend.h says? Every slot is called with every row of tests/cases and judged against the
 * reference in double, "ref64".
 *
 * The bound on each element of a result is
 *
 *     k eps sqrt(length) max(scale, |expected|)
 *
 * eps of the device's real type, length the number of terms the element sums, scale the size of those terms (the root of
 * the sum of their squares, computed by the reference itself from squared operands), k = 4 unless the row has a budget.
 * Integers, copies, selections and indices must be equal.
 *
 * Around every call: outputs are filled with NaN before it (an unwritten element, or a C read although beta is 0, shows);
 * guard bands lie on both sides of every operand; the gaps of strided operands and the lanes past the last image hold
 * NaN, and everything outside the outputs' elements must come back bit for bit, inputs included. Every row is walked in
 * several memory layouts, uniform and mixed, and with outputs on top of inputs where the slot allows that; then again
 * with 2 and 3 threads, which must give the same bits. A slot that answers UNSUPPORTED must have touched nothing.
 *
 * Out of scope: derivatives (they are tested in double, per op), speed, and argument checks (lib/prim). No test framework
 * is used here, so that a command line tool can link it. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stddef.h>
#include <socle/sys/backend.h>

/* A call that was made once and found right, and may be repeated. */
typedef struct conformance_call {
    const char *slot, *row;
    socle_device *device;
    size_t bytes; /* of its operands, each counted once, those read and written twice */
    socle_status (*run)(void *call);
    void *call;
} conformance_call;
/* For those who time calls. Rows marked CASE_BENCH are called once, in the layout that the device wants, judged and, if right,
 * handed over; nothing else is walked. */
typedef struct conformance_timing {
    bool all; /* every row, not only those marked */
    bool (*wanted)(void *user, const char *slot, const char *row);
    socle_status (*time)(void *user, const conformance_call *c);
    void *user;
} conformance_timing;

typedef struct conformance_options {
    const char *device; /* as for socle_device_open */
    const char *family; /* as conformance_family names them; NULL: all */
    const char *row;    /* only rows that contain this text; NULL: all */
    int part, parts;    /* only part 0 to parts - 1 of the rows, whose names say where they belong; parts 0: all */
    int threads;        /* 1 to this many are compared; 0 = 3 */
    bool prims;         /* through socle_prim_*, which adds compositions and empty operands, not the bare slots */
    bool compose_only;  /* the same on a device that ignores its optional slots */
    bool small;         /* without the rows marked CASE_LARGE, which are there for the threads */
    bool quick;         /* about one row in seven, every function among them, in one to three memory layouts */
    bool huge;          /* with those marked CASE_HUGE: minutes, because the reference is scalar */
    const conformance_timing *timing; /* or NULL. With it .threads is how many there are, 0 = all */
} conformance_options;

typedef enum conformance_verdict {
    CONFORMANCE_PASS, /* one per row */
    CONFORMANCE_FAIL, /* one per row and layout */
    CONFORMANCE_SKIP  /* an optional slot that is missing, or refused this row: the text says which */
} conformance_verdict;

typedef struct conformance_result {
    conformance_verdict verdict;
    const char *slot, *row;
    const char *layout; /* of a failure: one word per operand */
    const char *text;   /* what went wrong, or "" */
    double ratio;       /* largest error in units of the bound */
    double seconds;
} conformance_result;
typedef void (*conformance_report)(void *user, const conformance_result *r);

/* One line of the support table. */
typedef struct conformance_slot {
    const char *name;
    bool present;
    int seen;                  /* rows there are; .quick leaves most out */
    int rows, failed, refused; /* refused: answered UNSUPPORTED in at least one layout */
    uint64_t composed;         /* with .prims: how often the composition ran instead */
    double worst;              /* largest ratio */
} conformance_slot;

enum { CONFORMANCE_MAX_SLOTS = 64 };
typedef struct conformance_summary {
    char device[192];
    int rows, calls, failed;
    size_t n_slots; /* those that were walked */
    conformance_slot slot[CONFORMANCE_MAX_SLOTS];
} conformance_summary;

const char *conformance_family(size_t i); /* NULL past the last */

/* Number of failures; -1 when a device cannot be opened or the family is unknown (socle_error() says more). report and
 * summary may be NULL. */
int conformance_run(const conformance_options *o, conformance_report report, void *user,
                    conformance_summary *summary);

#endif
