/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded, makes one allocation of our shared object's fail, and counts: by words of a file, which STARVE names and the
 * script reads and writes.
 *
 * word 0: which allocation fails, counting down: 1 is the next; 0 is none
 * word 1: set to 1 when it has failed
 * word 2: the bytes that all of the process has allocated
 * word 3: how many allocations ours has made
 * word 4: not 0: once one has failed, all others do, until word 0 is set to 0 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

enum { LEFT, FAILED, IN_USE, MADE, ALL, WORDS };

static int64_t none[WORDS];
static int64_t *words = none;
static uintptr_t start, end;

__attribute__((constructor)) static void prepare(void) {
    const char *name = getenv("STARVE");
    const int file = name ? open(name, O_RDWR) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        return;
    memcpy(mapped, none, sizeof none);
    words = mapped;
    close(file);
}

static int find(struct dl_phdr_info *info, size_t size, void *unused) {
    int index;
    (void)size;
    (void)unused;
    if (!strstr(info->dlpi_name, "/Sys/Virt/Virt."))
        return 0;
    for (index = 0; index < info->dlpi_phnum; index++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[index];
        if (part->p_type == PT_LOAD && part->p_flags & PF_X) {
            start = info->dlpi_addr + part->p_vaddr;
            end = start + part->p_memsz;
        }
    }
    return 1;
}

/* Whether the allocation that `caller` makes fails. */
static int fails(void *caller) {
    const int64_t left = words[LEFT];
    if (left && !start)
        dl_iterate_phdr(find, NULL);
    if ((uintptr_t)caller < start || (uintptr_t)caller >= end)
        return 0;
    words[MADE]++;
    if (!left)
        return 0;
    if (left > 1 || !words[ALL])
        words[LEFT] = left - 1;
    if (left > 1)
        return 0;
    words[FAILED] = 1;
    errno = ENOMEM;
    return 1;
}

static void *counted(void *block) {
    __atomic_add_fetch(&words[IN_USE], malloc_usable_size(block), __ATOMIC_RELAXED);
    return block;
}

static void uncount(void *block) {
    __atomic_sub_fetch(&words[IN_USE], malloc_usable_size(block), __ATOMIC_RELAXED);
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size) { return fails(CALLER) ? NULL : counted(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return fails(CALLER) ? NULL : counted(__libc_calloc(count, size)); }

void *realloc(void *block, size_t size) {
    const size_t before = malloc_usable_size(block);
    void *moved;
    if (fails(CALLER))
        return NULL;
    moved = __libc_realloc(block, size);
    if (moved || !size)
        __atomic_sub_fetch(&words[IN_USE], before, __ATOMIC_RELAXED);
    return counted(moved);
}

void *memalign(size_t alignment, size_t size) {
    return fails(CALLER) ? NULL : counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fails(CALLER) ? NULL : counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (fails(CALLER))
        return ENOMEM;
    *block = counted(__libc_memalign(alignment, size));
    return *block ? 0 : ENOMEM;
}

void free(void *block) {
    uncount(block);
    __libc_free(block);
}
