/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded: libvirt's smaller libraries are not installed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

void *dlopen(const char *name, int flags) {
    void *(*real)(const char *, int);
    *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    if (name && strncmp(name, "libvirt-", 8) == 0)
        return real("/nonexistent/libvirt.so", flags);
    return real(name, flags);
}
