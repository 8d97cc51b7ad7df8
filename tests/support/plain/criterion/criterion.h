/* A stand-in for the part of Criterion that these tests use, for ThreadSanitizer: it forbids the addresses at which
 * Criterion wants to put its memory. Every test runs in a process of its own here too. One test file makes a program:
 * this header brings main. */
#ifndef PLAIN_CRITERION_H
#define PLAIN_CRITERION_H
#pragma GCC system_header

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct plain_options {
    int plain; /* so that the list of options may be empty */
    void (*init)(void), (*fini)(void);
    double timeout;
    bool disabled;
    const char *description;
} plain_options;

typedef struct criterion_test_params {
    size_t size;
    void *params;
    size_t length;
} plain_params;

typedef struct plain_test {
    const char *suite, *name;
    void (*run)(void *param);
    plain_params (*params)(void); /* or NULL */
    plain_options options;
    struct plain_test *next;
} plain_test;

static plain_test *plain_tests, *plain_suites; /* a suite is a test without run */
static bool plain_failed;
enum { PLAIN_FAILED = 1, PLAIN_SKIPPED = 77 };

static inline void plain_add(plain_test **list, plain_test *t)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = t;
}

__attribute__((format(printf, 4, 5))) static inline void plain_complain(const char *file, int line,
                                                                        const char *what, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "[----] %s:%d: Assertion Failed: %s", file, line, what);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    plain_failed = true;
}

#define Test(suite_, name_, ...)                                                                                   \
    static void suite_##_##name_##_impl(void);                                                                     \
    static void suite_##_##name_##_run(void *param)                                                                \
    {                                                                                                              \
        (void)param;                                                                                               \
        suite_##_##name_##_impl();                                                                                 \
    }                                                                                                              \
    PLAIN_ENTRY(suite_##_##name_, plain_tests, #suite_, #name_, suite_##_##name_##_run, NULL, __VA_ARGS__)         \
    static void suite_##_##name_##_impl(void)
#define ParameterizedTestParameters(suite_, name_) static plain_params suite_##_##name_##_params(void)
#define ParameterizedTest(param_, suite_, name_, ...)                                                              \
    static void suite_##_##name_##_impl(param_);                                                                   \
    static void suite_##_##name_##_run(void *param)                                                                \
    {                                                                                                              \
        suite_##_##name_##_impl(param);                                                                            \
    }                                                                                                              \
    PLAIN_ENTRY(suite_##_##name_, plain_tests, #suite_, #name_, suite_##_##name_##_run, suite_##_##name_##_params, \
                __VA_ARGS__)                                                                                       \
    static void suite_##_##name_##_impl(param_)
#define TestSuite(suite_, ...)                                                                                     \
    PLAIN_ENTRY(suite_##_suite, plain_suites, #suite_, "", NULL, NULL, __VA_ARGS__)                                \
    struct suite_##_suite_ends /* with the user's semicolon */
#define PLAIN_ENTRY(id_, list_, suite_, name_, run_, params_, ...)                                                 \
    static plain_test id_##_entry = { suite_, name_, run_, params_, { .plain = 0, __VA_ARGS__ }, NULL };           \
    __attribute__((constructor)) static void id_##_add(void)                                                       \
    {                                                                                                              \
        plain_add(&list_, &id_##_entry);                                                                           \
    }
/* Criterion's fourth argument frees the array; the process ends soon enough. */
#define cr_make_param_array(type_, array_, ...)                                                                    \
    ((plain_params){ sizeof(type_), array_, PLAIN_FIRST(__VA_ARGS__, 0) })
#define PLAIN_FIRST(first_, ...) first_

#define PLAIN_CHECK(then_, cond_, ...)                                                                             \
    ((cond_) ? (void)0 : (plain_complain(__FILE__, __LINE__, #cond_, " " __VA_ARGS__), then_))
#define cr_assert(cond_, ...)             PLAIN_CHECK(_exit(PLAIN_FAILED), cond_, __VA_ARGS__)
#define cr_assert_eq(a_, b_, ...)         cr_assert((a_) == (b_), __VA_ARGS__)
#define cr_assert_neq(a_, b_, ...)        cr_assert((a_) != (b_), __VA_ARGS__)
#define cr_assert_lt(a_, b_, ...)         cr_assert((a_) < (b_), __VA_ARGS__)
#define cr_assert_leq(a_, b_, ...)        cr_assert((a_) <= (b_), __VA_ARGS__)
#define cr_assert_gt(a_, b_, ...)         cr_assert((a_) > (b_), __VA_ARGS__)
#define cr_assert_geq(a_, b_, ...)        cr_assert((a_) >= (b_), __VA_ARGS__)
#define cr_assert_null(a_, ...)           cr_assert((a_) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a_, ...)       cr_assert((a_) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(a_, b_, ...)     cr_assert(strcmp(a_, b_) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a_, b_, ...)    cr_assert(strcmp(a_, b_) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(a_, b_, n_, ...) cr_assert(memcmp(a_, b_, n_) == 0, __VA_ARGS__)
#define cr_assert_float_eq(a_, b_, e_, ...)                                                                        \
    cr_assert(fabs((double)(a_) - (double)(b_)) <= (double)(e_), __VA_ARGS__)
#define cr_assert_fail(...)         cr_assert(false, __VA_ARGS__)
#define cr_expect(cond_, ...)       PLAIN_CHECK((void)0, cond_, __VA_ARGS__)
#define cr_expect_eq(a_, b_, ...)   cr_expect((a_) == (b_), __VA_ARGS__)
#define cr_expect_null(a_, ...)     cr_expect((a_) == NULL, __VA_ARGS__)
#define cr_expect_not_null(a_, ...) cr_expect((a_) != NULL, __VA_ARGS__)
#define cr_skip_test(...)           (plain_complain(__FILE__, __LINE__, "skipped:", " " __VA_ARGS__), _exit(PLAIN_SKIPPED))
#define cr_log_info(...)            (fprintf(stderr, "[----] " __VA_ARGS__), (void)fputc('\n', stderr))
#define cr_log_warn                 cr_log_info

/* In the child: init, test, fini of test and suite, as Criterion orders them. */
static inline void plain_child(const plain_test *t, void *param)
{
    const plain_options none = { 0 }, *suite = &none;
    for (const plain_test *s = plain_suites; s != NULL; s = s->next)
        if (strcmp(s->suite, t->suite) == 0)
            suite = &s->options;
    alarm(900);
    if (suite->init != NULL)
        suite->init();
    if (t->options.init != NULL)
        t->options.init();
    t->run(param);
    if (t->options.fini != NULL)
        t->options.fini();
    if (suite->fini != NULL)
        suite->fini();
    exit(plain_failed ? PLAIN_FAILED : 0);
}

typedef struct plain_counts {
    int tested, passing, failing, crashing;
} plain_counts;

static inline void plain_run(const plain_test *t, void *param, plain_counts *n)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        plain_child(t, param);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        status = 1 << 8;
    if (WIFEXITED(status) && WEXITSTATUS(status) == PLAIN_SKIPPED)
        return;
    n->tested++;
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    n->passing += passed;
    n->failing += !passed && WIFEXITED(status);
    n->crashing += !WIFEXITED(status);
    if (!passed)
        fprintf(stderr, "[%s] %s::%s\n", WIFEXITED(status) ? "FAIL" : "CRASH", t->suite, t->name);
}

/* --filter PATTERN of suite/name; other options of Criterion's are ignored. */
int main(int argc, char **argv)
{
    const char *filter = "*";
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--filter") == 0)
            filter = argv[i + 1];
    plain_counts n = { 0 };
    for (const plain_test *t = plain_tests; t != NULL; t = t->next) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", t->suite, t->name);
        if (t->options.disabled || fnmatch(filter, path, 0) != 0)
            continue;
        plain_params p = t->params != NULL ? t->params() : (plain_params){ 0, NULL, 1 };
        for (size_t i = 0; i < p.length; i++)
            plain_run(t, (char *)p.params + i * p.size, &n);
    }
    fprintf(stderr, "[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d\n", n.tested,
            n.passing, n.failing, n.crashing);
    return n.failing + n.crashing > 0;
}

#endif
