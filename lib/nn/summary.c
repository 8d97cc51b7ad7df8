/* The table of a network's modules: what comes out of each, its own parameters, its multiply-adds.
 *
 * Shapes are learnt from one forward pass of zeros with a hook on every module. For that pass the modules' own hooks and
 * modes are put aside, so that nothing of the user's runs and no module trains: the network is as it was, to the bit. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <socle/sys/memory.h>
#include "module.h"

/* ---- text that grows ---- */

typedef struct text_buffer {
    char *at; /* NULL: empty */
    size_t length, cap;
    bool failed; /* out of memory; stays so */
} text_buffer;

static void put(text_buffer *t, const char *fmt, ...) SOCLE_PRINTF(2, 3);
static void put(text_buffer *t, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *grown = n < 0 || t->failed ? NULL : socle_mem_grow(t->at, &t->cap, t->length + (size_t)n + 1, 1);
    if (grown != NULL) {
        vsnprintf(grown + t->length, (size_t)n + 1, fmt, again);
        t->at = grown;
        t->length += (size_t)n;
    } else {
        t->failed = true;
    }
    va_end(again);
    va_end(args);
}

static void put_line(text_buffer *t, const int width[4])
{
    for (int column = 0; column < 4; column++) {
        put(t, column == 0 ? "" : "-+-");
        for (int i = 0; i < width[column]; i++)
            put(t, "-");
    }
    put(t, "\n");
}

/* ---- rows ---- */

typedef struct row {
    socle_module *module;
    char *label; /* indented by depth: "  0: Conv2d(1, 8, size 3)" */
    hook_list hooks;
    socle_mode mode; /* both the module's own, put aside */
    bool ran;
    socle_shape out;
    int64_t params, macs;
} row;

typedef struct table {
    row *rows;
    size_t n, cap;
    int64_t frozen; /* parameters that require no gradient */
} table;

static void count_params(table *t, row *r)
{
    for (size_t i = 0; i < r->module->n_tensors; i++) {
        const module_tensor *own = &r->module->tensors[i];
        int64_t n = own->trainable ? socle_numel(own->tensor) : 0;
        r->params += n;
        t->frozen += socle_requires_grad(own->tensor) ? 0 : n;
    }
}

static int add_row(const char *path, socle_module *m, void *user)
{
    table *t = user;
    char name[200];
    module_text(m, name, sizeof name);
    text_buffer label = { 0 };
    for (const char *p = path; *p != '\0'; p++)
        if (p == path || *p == '.')
            put(&label, "  ");
    put(&label, "%s%s%s", m->name != NULL && path[0] ? m->name : "", path[0] ? ": " : "", name);
    row *grown = label.failed ? NULL : socle_mem_grow(t->rows, &t->cap, t->n + 1, sizeof *grown);
    if (grown == NULL) {
        socle_mem_free(label.at);
        return SOCLE_ERR_NOMEM;
    }
    t->rows = grown;
    row *r = &t->rows[t->n++];
    *r = (row){ .module = m, .label = label.at };
    count_params(t, r);
    return 0;
}

static void table_free(table *t)
{
    for (size_t i = 0; i < t->n; i++)
        socle_mem_free(t->rows[i].label);
    socle_mem_free(t->rows);
}

/* ---- the pass ---- */

static socle_tensor *record(socle_module *m, socle_ctx *c, socle_tensor *in, socle_tensor *out, void *user)
{
    (void)c;
    row *r = user;
    r->ran = true;
    r->out = socle_shape_of(out);
    if (m->type->macs != NULL)
        r->macs += m->type->macs(m, socle_shape_of(in), r->out); /* a shared module runs more than once */
    return NULL;
}

static void put_aside(table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        row *r = &t->rows[i];
        r->hooks = r->module->hooks;
        r->mode = r->module->mode;
        r->module->hooks = (hook_list){ 0 };
        r->module->mode = SOCLE_FOLLOW_CTX;
    }
}

static void put_back(table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        row *r = &t->rows[i];
        hooks_free(&r->module->hooks);
        r->module->hooks = r->hooks;
        r->module->mode = r->mode;
    }
}

static socle_status run(table *t, socle_module *m, socle_ctx *c, socle_shape x)
{
    for (size_t i = 0; i < t->n; i++)
        if (socle_module_hook(t->rows[i].module, record, &t->rows[i]) == NULL)
            return socle_error_status();
    socle_ctx_set_training(c, false);
    socle_ctx_set_grad(c, false);
    socle_tensor *zeros = socle_full(c, socle_device_real(m->device), x, 0.0);
    socle_forward(m, c, zeros);
    return socle_ctx_status(c);
}

/* ---- the table as text ---- */

typedef struct cells {
    char out[160], params[32], macs[32];
} cells;

/* "12,345"; "-" for 0. */
static void grouped(char *buf, size_t cap, int64_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%" PRId64, n);
    size_t at = 0;
    for (int i = 0; i < length && at + 2 < cap; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = '\0';
    if (n == 0)
        snprintf(buf, cap, "-");
}

static void shape_cell(char *buf, size_t cap, socle_shape s)
{
    size_t n = (size_t)snprintf(buf, cap, "(");
    for (int i = 0; i < s.ndim && n < cap; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%s%" PRId64, i == 0 ? "" : ", ", s.dim[i]);
    if (n < cap)
        snprintf(buf + n, cap - n, ")");
}

static cells cells_of(const row *r)
{
    cells c = { .out = "-" };
    if (r->ran)
        shape_cell(c.out, sizeof c.out, r->out);
    grouped(c.params, sizeof c.params, r->params);
    grouped(c.macs, sizeof c.macs, r->macs);
    return c;
}

static const cells head = { "Output shape", "Params", "MACs" };

static void widen(int width[4], const char *label, const cells *c)
{
    const char *cell[4] = { label, c->out, c->params, c->macs };
    for (int i = 0; i < 4; i++)
        if (width[i] < (int)strlen(cell[i]))
            width[i] = (int)strlen(cell[i]);
}

static void put_row(text_buffer *t, const int width[4], const char *label, const cells *c)
{
    put(t, "%-*s | %-*s | %*s | %*s\n", width[0], label, width[1], c->out, width[2], c->params, width[3], c->macs);
}

static socle_status format(const table *t, char **out)
{
    row sum = { .label = "Total" };
    int width[4] = { 0 };
    for (size_t i = 0; i < t->n; i++) {
        cells c = cells_of(&t->rows[i]);
        widen(width, t->rows[i].label, &c);
        sum.params += t->rows[i].params;
        sum.macs += t->rows[i].macs;
    }
    cells total = cells_of(&sum);
    total.out[0] = '\0';
    widen(width, sum.label, &total);
    widen(width, "Module", &head);

    text_buffer body = { 0 };
    put_row(&body, width, "Module", &head);
    put_line(&body, width);
    for (size_t i = 0; i < t->n; i++) {
        cells c = cells_of(&t->rows[i]);
        put_row(&body, width, t->rows[i].label, &c);
    }
    put_line(&body, width);
    put_row(&body, width, sum.label, &total);
    if (t->frozen > 0) {
        char frozen[32];
        grouped(frozen, sizeof frozen, t->frozen);
        put(&body, "%s of the parameters are frozen\n", frozen);
    }
    if (body.failed) {
        socle_mem_free(body.at);
        return SOCLE_ERR_NOMEM;
    }
    *out = body.at;
    return SOCLE_OK;
}

/* ---- public ---- */

socle_status socle_summary(socle_module *m, socle_shape x, char **out)
{
    if (m == NULL) {
        module_missing("the module", "summary");
        return socle_error_status();
    }
    table t = { 0 };
    socle_ctx *c = NULL;
    socle_status s = (socle_status)socle_module_each(m, add_row, &t);
    if (s != SOCLE_OK)
        goto out;
    c = socle_ctx_new(m->device, 0);
    if (c == NULL) {
        s = socle_error_status();
        goto out;
    }
    put_aside(&t);
    s = run(&t, m, c, x);
    put_back(&t);
    if (s == SOCLE_OK)
        s = format(&t, out);
out:
    socle_ctx_free(c);
    table_free(&t);
    return s;
}

void socle_text_free(char *text)
{
    socle_mem_free(text);
}
