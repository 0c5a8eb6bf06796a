/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Shared code of the stubs for libvirt's functions: they record their arguments and return known values. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many calls there were since the last one that failed: all.c has the number for both files. */
int *stub_calls(void);

/* Without STUB_LOG nothing is written: bench/methods.pl counts what a binding takes, not what the stubs do. */
static void note(const char *format, ...) {
    static int fd = -1, quiet;
    char line[8192];
    va_list args;
    int length;
    if (quiet)
        return;
    if (fd < 0) {
        const char *name = getenv("STUB_LOG");
        if (!name) {
            quiet = 1;
            return;
        }
        fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);
    }
    va_start(args, format);
    length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length >= (int)sizeof line) {
        length = (int)sizeof line;
        line[length - 1] = '\n';
    }
    if (length > 0 && write(fd, line, (size_t)length) < 0)
        abort();
}

/* In every library, in no header. */
int virSetError(virErrorPtr error);

/* Whether this call is to fail: STUB_FAIL in the environment is "1 CODE" for every call, "2 CODE" for every second one,
 * with that code of an error. The functions that free, reference or close do not ask. */
static int fails(const char *name) {
    const char *wanted = getenv("STUB_FAIL");
    virError error = {.domain = VIR_FROM_NONE, .level = VIR_ERR_ERROR, .message = (char *)name, .str1 = (char *)name};
    if (!wanted || !*wanted || ++*stub_calls() < atoi(wanted))
        return 0;
    *stub_calls() = 0;
    error.code = atoi(wanted + 2);
    virSetError(&error);
    return 1;
}

#define FAIL(value)        \
    if (fails(__func__)) { \
        return value;      \
    }

/* Whether an array has elements: an empty one of Rust's has an address, which is its elements' alignment. */
#define THERE(array) ((size_t)(array) > 64)

static const char *text(const char *string) { return string ? string : "NULL"; }

/* An object of any class: libvirt's own types are opaque, so a counter will do. */
static void *fake(void) {
    int *count = malloc(64);
    *count = 1;
    return count;
}

static inline int release(void *object) {
    if (!object)
        return -1;
    if (--*(int *)object == 0) {
        note("that was the last reference\n");
        free(object);
    }
    return 0;
}

static inline int reference(void *object) {
    if (!object)
        return -1;
    ++*(int *)object;
    return 0;
}

static inline void params_note(virTypedParameterPtr params, int count) {
    int index;
    note("{");
    for (index = 0; index < count; index++) {
        virTypedParameterPtr p = &params[index];
        note("%s%s:%d=", index ? "," : "", p->field, p->type);
        if (p->type == VIR_TYPED_PARAM_STRING)
            note("%s", text(p->value.s));
        else if (p->type == VIR_TYPED_PARAM_INT)
            note("%d", p->value.i);
        else if (p->type == VIR_TYPED_PARAM_UINT)
            note("%u", p->value.ui);
        else if (p->type == VIR_TYPED_PARAM_BOOLEAN)
            note("%d", p->value.b);
        else if (p->type == VIR_TYPED_PARAM_DOUBLE)
            note("%g", p->value.d);
        else
            note("%llu", p->value.ul);
    }
    note("}");
}

#define PARAMS 7

/* One parameter of each type; the unsigned one is beyond what a signed one can hold. */
static inline void params_fill(virTypedParameterPtr p) {
    memset(p, 0, PARAMS * sizeof *p);
    strcpy(p[0].field, "an.int"), p[0].type = VIR_TYPED_PARAM_INT, p[0].value.i = -5;
    strcpy(p[1].field, "a.uint"), p[1].type = VIR_TYPED_PARAM_UINT, p[1].value.ui = 3000000000u;
    strcpy(p[2].field, "a.llong"), p[2].type = VIR_TYPED_PARAM_LLONG, p[2].value.l = -5000000000ll;
    strcpy(p[3].field, "a.ullong"), p[3].type = VIR_TYPED_PARAM_ULLONG, p[3].value.ul = 18446744073709551615ull;
    strcpy(p[4].field, "a.double"), p[4].type = VIR_TYPED_PARAM_DOUBLE, p[4].value.d = 0.5;
    strcpy(p[5].field, "a.boolean"), p[5].type = VIR_TYPED_PARAM_BOOLEAN, p[5].value.b = 1;
    strcpy(p[6].field, "a.string"), p[6].type = VIR_TYPED_PARAM_STRING, p[6].value.s = strdup("text");
}

static inline virTypedParameterPtr params_new(void) {
    virTypedParameterPtr params = malloc(PARAMS * sizeof *params);
    params_fill(params);
    return params;
}

static inline char **texts_new(void) {
    char **texts = calloc(3, sizeof *texts);
    texts[0] = strdup("first");
    texts[1] = strdup("second");
    return texts;
}

static inline void *objects_new(void) {
    void **objects = calloc(3, sizeof *objects);
    objects[0] = fake();
    objects[1] = fake();
    return objects;
}
