/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Stubs of libvirt-qemu, libvirt-lxc and libvirt-admin that are more than a record and a known value: file descriptors, events. */
#include "stub.h"
#include <libvirt/libvirt-admin.h>
#include <libvirt/libvirt-lxc.h>
#include <libvirt/libvirt-qemu.h>

/* Two descriptors of pipes, from which the text can be read. */
static int *descriptors(const char *text) {
    int *found = malloc(2 * sizeof *found), index;
    for (index = 0; index < 2; index++) {
        int ends[2];
        if (pipe(ends) || write(ends[1], text, strlen(text)) < 0)
            abort();
        close(ends[1]);
        found[index] = ends[0];
    }
    return found;
}

int virDomainQemuMonitorCommandWithFiles(virDomainPtr domain, const char *cmd, unsigned int ninfiles, int *infiles,
                                         unsigned int *noutfiles, int **outfiles, char **result, unsigned int flags) {
    FAIL(-1);
    note("virDomainQemuMonitorCommandWithFiles(object, %s, %u, %d, %u)\n", cmd, ninfiles, ninfiles ? infiles[0] : -1, flags);
    *noutfiles = 2;
    *outfiles = descriptors("from QEMU");
    *result = strdup("{\"return\":{\"answer\":42}}");
    return 0;
}

int virConnectDomainQemuMonitorEventRegister(virConnectPtr conn, virDomainPtr dom, const char *event,
                                             virConnectDomainQemuMonitorEventCallback cb, void *opaque, virFreeCallback ff,
                                             unsigned int flags) {
    FAIL(-1);
    virDomainPtr about = fake();
    note("virConnectDomainQemuMonitorEventRegister(object, %s, %s, %u)\n", dom ? "object" : "NULL", text(event), flags);
    cb(conn, about, "SHUTDOWN", 1ll << 40, 999999, "{\"guest\":true}", opaque);
    cb(conn, about, "STOP", 5, 0, NULL, opaque);
    release(about);
    ff(opaque); /* nothing more will happen */
    return 300;
}

int virDomainLxcOpenNamespace(virDomainPtr domain, int **fdlist, unsigned int flags) {
    FAIL(-1);
    note("virDomainLxcOpenNamespace(object, %u)\n", flags);
    *fdlist = descriptors("namespace");
    return 2;
}

int virDomainLxcEnterNamespace(virDomainPtr domain, unsigned int nfdlist, int *fdlist, unsigned int *noldfdlist,
                               int **oldfdlist, unsigned int flags) {
    FAIL(-1);
    note("virDomainLxcEnterNamespace(object, %u, %d, %u)\n", nfdlist, nfdlist ? fdlist[0] : -1, flags);
    *noldfdlist = 2;
    *oldfdlist = descriptors("old");
    return 0;
}

int virDomainLxcEnterSecurityLabel(virSecurityModelPtr model, virSecurityLabelPtr label, virSecurityLabelPtr oldlabel,
                                   unsigned int flags) {
    FAIL(-1);
    note("virDomainLxcEnterSecurityLabel(%s, %s, %s, %d, %u)\n", model->model, model->doi, label->label, label->enforcing,
         flags);
    strcpy(oldlabel->label, "the old label"), oldlabel->enforcing = 1;
    return 0;
}

/* The connection breaks at once. */
int virAdmConnectRegisterCloseCallback(virAdmConnectPtr conn, virAdmConnectCloseFunc cb, void *opaque, virFreeCallback ff) {
    FAIL(-1);
    note("virAdmConnectRegisterCloseCallback(object)\n");
    cb(conn, 1, opaque);
    ff(opaque);
    return 0;
}
