/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded: dlsym finds none of the functions that HIDDEN names, as in a libvirt that is too old to have them. The
 * version that the library reports is that of the oldest one supported. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static const char *const hidden[] = {HIDDEN};

int virGetVersion(unsigned long *version, const char *type, unsigned long *type_version) {
    (void)type;
    if (type_version)
        *type_version = 6000000;
    *version = 6000000;
    return 0;
}

int virConnectGetLibVersion(void *conn, unsigned long *version) {
    (void)conn;
    return virGetVersion(version, NULL, NULL);
}

/* Which version of the C library dlsym bears differs by architecture. */
static void *real_dlsym(void *handle, const char *name) {
    static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
    static void *(*real)(void *, const char *);
    for (size_t i = 0; !real; i++)
        *(void **)&real = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    return real(handle, name);
}

void *dlsym(void *handle, const char *name) {
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(hidden[i], name) == 0)
            return NULL;
    return real_dlsym(handle, name);
}
