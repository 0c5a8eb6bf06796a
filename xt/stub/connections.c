/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Appends a byte to the file STUB_LOG whenever libvirt is asked for the connection of an object. virDomainGetMaxVcpus takes 50 ms. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <unistd.h>

static void asked(void) {
    int fd = open(getenv("STUB_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || write(fd, "?", 1) != 1)
        abort();
    close(fd);
}

#define ASKED(function, type)                                     \
    virConnectPtr function(type object) {                         \
        virConnectPtr (*next)(type) = dlsym(RTLD_NEXT, #function); \
        asked();                                                  \
        return next(object);                                      \
    }

ASKED(virDomainGetConnect, virDomainPtr)
ASKED(virDomainSnapshotGetConnect, virDomainSnapshotPtr)
ASKED(virNetworkGetConnect, virNetworkPtr)
ASKED(virStoragePoolGetConnect, virStoragePoolPtr)
ASKED(virStorageVolGetConnect, virStorageVolPtr)

int virDomainGetMaxVcpus(virDomainPtr domain) {
    int (*next)(virDomainPtr) = dlsym(RTLD_NEXT, "virDomainGetMaxVcpus");
    usleep(50000);
    return next(domain);
}
