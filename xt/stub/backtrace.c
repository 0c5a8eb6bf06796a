/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Preloaded, prints the stack of a crash to standard error: the shared object and the offset of each frame. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

static void crashed(int signal_number) {
    void *frames[40];
    static const char heading[] = "CRASH\n";
    (void)!write(2, heading, sizeof heading - 1);
    backtrace_symbols_fd(frames, backtrace(frames, 40), 2);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* perl ignores SIGFPE, which would end the process without a word. */
sighandler_t signal(int signal_number, sighandler_t handler) {
    static sighandler_t (*real)(int, sighandler_t);
    if (!real)
        real = (sighandler_t(*)(int, sighandler_t))dlsym(RTLD_NEXT, "signal");
    return signal_number == SIGFPE && handler == SIG_IGN ? SIG_DFL : real(signal_number, handler);
}

__attribute__((constructor)) static void prepare(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    void *frames[1];
    unsigned index;
    backtrace(frames, 1); /* loads what it needs, while there is memory */
    for (index = 0; index < sizeof signals / sizeof *signals; index++)
        signal(signals[index], crashed);
}
