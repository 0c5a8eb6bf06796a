// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
// Preloaded by tools/tsan: built with -Druntime, or with -Dblind.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#ifdef runtime
// The runtime starts with an instrumented program or with most of what it intercepts, but a shell begins with setjmp.
void __tsan_init(void);

__attribute__((constructor)) static void start(void) { __tsan_init(); }

// What Rust's compiler calls and the runtime of older gccs lacks. The runtime intercepts the functions of the C library.
void *__tsan_memcpy(void *to, const void *from, size_t size) { return memcpy(to, from, size); }

void *__tsan_memmove(void *to, const void *from, size_t size) { return memmove(to, from, size); }

void *__tsan_memset(void *to, int byte, size_t size) { return memset(to, byte, size); }

// libvirt's event loop is GLib's, whose locks ThreadSanitizer does not see. So this one is locked when they are: when a thread adds
// something to the loop or changes it, and when the loop looks at what it has.
static pthread_mutex_t loop = PTHREAD_MUTEX_INITIALIZER;
static __thread int running;

static void pass(void) {
    pthread_mutex_lock(&loop);
    pthread_mutex_unlock(&loop);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// What GLib itself does under its locks is ignored: it may create the loop, and free what another thread has allocated. In the
// event loop of a script, in place of GLib's, these functions are ours, and nothing is ignored.
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
static int in_glib;

static void enter(void) {
    pass();
    if (in_glib)
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static void leave(void) {
    if (in_glib)
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}

int virEventRegisterDefaultImpl(void) {
    in_glib = 1;
    return REAL(virEventRegisterDefaultImpl)();
}

int virEventAddHandle(int fd, int events, virEventHandleCallback callback, void *opaque, virFreeCallback release) {
    enter();
    int watch = REAL(virEventAddHandle)(fd, events, callback, opaque, release);
    leave();
    return watch;
}

void virEventUpdateHandle(int watch, int events) {
    enter();
    REAL(virEventUpdateHandle)(watch, events);
    leave();
}

int virEventRemoveHandle(int watch) {
    enter();
    int result = REAL(virEventRemoveHandle)(watch);
    leave();
    return result;
}

int virEventAddTimeout(int timeout, virEventTimeoutCallback callback, void *opaque, virFreeCallback release) {
    enter();
    int timer = REAL(virEventAddTimeout)(timeout, callback, opaque, release);
    leave();
    return timer;
}

void virEventUpdateTimeout(int timer, int timeout) {
    enter();
    REAL(virEventUpdateTimeout)(timer, timeout);
    leave();
}

int virEventRemoveTimeout(int timer) {
    enter();
    int result = REAL(virEventRemoveTimeout)(timer);
    leave();
    return result;
}

int virEventRunDefaultImpl(void) {
    running++;
    pass();
    int result = REAL(virEventRunDefaultImpl)();
    running--;
    return result;
}

int poll(struct pollfd *descriptors, nfds_t count, int timeout) {
    int result = REAL(poll)(descriptors, count, timeout);
    if (running > 0)
        pass();
    return result;
}
#endif

#ifdef blind
// The locks work, but ThreadSanitizer does not see that they order anything.
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);

static int unseen(const char *name, pthread_mutex_t *mutex) {
    int (*real)(pthread_mutex_t *) = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, name);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
    int result = real(mutex);
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    return result;
}

int pthread_mutex_lock(pthread_mutex_t *mutex) { return unseen("pthread_mutex_lock", mutex); }

int pthread_mutex_unlock(pthread_mutex_t *mutex) { return unseen("pthread_mutex_unlock", mutex); }
#endif
