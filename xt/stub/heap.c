/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded beside the stubs: the version of the library is the number of bytes that are allocated; or with MARK, how many
 * blocks were freed in which that text still stood. Their addresses go to the file that STUB_BLOCKS names. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The C library's own functions, by the names under which it lets others take their place. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static size_t in_use;

#ifdef MARK
static size_t marked;

static void look(const void *block) {
    static int file = -1;
    const char *name;
    if (!memmem(block, block ? malloc_usable_size((void *)block) : 0, MARK, strlen(MARK)))
        return;
    marked++;
    name = getenv("STUB_BLOCKS");
    if (file < 0 && name)
        file = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file >= 0 && write(file, &block, sizeof block) != sizeof block)
        abort();
}
#else
static void look(const void *block) { (void)block; }
#endif

static void *counted(void *block) {
    __atomic_add_fetch(&in_use, malloc_usable_size(block), __ATOMIC_RELAXED);
    return block;
}

static void uncount(void *block) { __atomic_sub_fetch(&in_use, malloc_usable_size(block), __ATOMIC_RELAXED); }

void *malloc(size_t size) { return counted(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return counted(__libc_calloc(count, size)); }

void *realloc(void *block, size_t size) {
    const size_t before = malloc_usable_size(block);
    void *moved;
    look(block);
    moved = __libc_realloc(block, size);
    if (moved || !size)
        __atomic_sub_fetch(&in_use, before, __ATOMIC_RELAXED);
    return counted(moved);
}

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

void free(void *block) {
    look(block);
    uncount(block);
    __libc_free(block);
}

int virGetVersion(unsigned long *version, const char *type, unsigned long *type_version) {
    (void)type;
    if (type_version)
        *type_version = 6000000;
#ifdef MARK
    *version = marked;
#else
    *version = in_use;
#endif
    return 0;
}
