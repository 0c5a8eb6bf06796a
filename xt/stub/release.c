/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Counts the references to streams. A thread other than the first takes its time when it has released one or finishes one; a thread that
 * aborts a stream that is gone ends the process with status 99, one that another thread finishes with status 98. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STREAMS 100

static struct {
    virStreamPtr stream;
    int count, finishing;
} all[STREAMS];
static int known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int count(virStreamPtr stream, int change) {
    int index, left;
    pthread_mutex_lock(&lock);
    for (index = known - 1; index >= 0 && all[index].stream != stream; index--)
        continue;
    if (index < 0 || (change > 1 && known < STREAMS)) {
        index = known++;
        all[index].stream = stream;
        all[index].count = 1;
    } else {
        all[index].count += change;
    }
    left = all[index].count;
    pthread_mutex_unlock(&lock);
    return left;
}

virStreamPtr virStreamNew(virConnectPtr conn, unsigned int flags) {
    virStreamPtr (*next)(virConnectPtr, unsigned int) = dlsym(RTLD_NEXT, "virStreamNew");
    virStreamPtr stream = next(conn, flags);
    count(stream, 2);
    return stream;
}

int virStreamRef(virStreamPtr stream) {
    int (*next)(virStreamPtr) = dlsym(RTLD_NEXT, "virStreamRef");
    count(stream, 1);
    return next(stream);
}

int virStreamFree(virStreamPtr stream) {
    int (*next)(virStreamPtr) = dlsym(RTLD_NEXT, "virStreamFree");
    int result;
    count(stream, -1);
    result = next(stream);
    if (syscall(SYS_gettid) != getpid())
        usleep(400000);
    return result;
}

/* Whether it is being finished, after `change`. */
static int finishing(virStreamPtr stream, int change) {
    int index, result = 0;
    pthread_mutex_lock(&lock);
    for (index = known - 1; index >= 0 && all[index].stream != stream; index--)
        continue;
    if (index >= 0)
        result = all[index].finishing += change;
    pthread_mutex_unlock(&lock);
    return result;
}

int virStreamFinish(virStreamPtr stream) {
    int (*next)(virStreamPtr) = dlsym(RTLD_NEXT, "virStreamFinish");
    int result;
    finishing(stream, 1);
    if (syscall(SYS_gettid) != getpid())
        usleep(400000);
    result = next(stream);
    finishing(stream, -1);
    return result;
}

int virStreamAbort(virStreamPtr stream) {
    int (*next)(virStreamPtr) = dlsym(RTLD_NEXT, "virStreamAbort");
    if (count(stream, 0) < 1)
        _exit(99);
    if (finishing(stream, 0))
        _exit(98);
    return next(stream);
}
