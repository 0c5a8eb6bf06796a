/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded, touches the main thread's stack before anything else runs: it cannot grow under a limit of address space. */
#include <string.h>

__attribute__((constructor)) static void grow(void) {
    volatile char room[1 << 20];
    size_t at;
    for (at = 0; at < sizeof room; at += 4096)
        room[at] = 0;
}
