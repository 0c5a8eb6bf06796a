/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded, overwrites what libvirt frees, which it does not do itself: what is then found in memory is not libvirt's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <string.h>

void __libc_free(void *);

/* VIR_FREE is GLib's g_free, which may or may not be on the stack. */
static int is_libvirts(const void *caller) {
    Dl_info of;
    return dladdr(caller, &of) && of.dli_fname && (strstr(of.dli_fname, "/libvirt.so") || strstr(of.dli_fname, "/libglib-"));
}

void free(void *block) {
    static __thread int within; /* dladdr may free */
    if (block && !within) {
        within = 1;
        if (is_libvirts(__builtin_return_address(0)))
            memset(block, 0, malloc_usable_size(block));
        within = 0;
    }
    __libc_free(block);
}
