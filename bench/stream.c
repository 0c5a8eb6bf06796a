/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The transfers of bench/stream-worker.pl, made from C: stream URI VOLUME FILE OPERATION. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int file;

static void check(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

static int from_file(virStreamPtr st, char *data, size_t size, void *opaque) { return read(file, data, size); }
static int to_file(virStreamPtr st, const char *data, size_t size, void *opaque) { return write(file, data, size); }
static int skip(virStreamPtr st, long long length, void *opaque) { return lseek(file, length, SEEK_CUR) < 0 ? -1 : 0; }

static int make_hole(virStreamPtr st, long long length, void *opaque) {
    off_t end = lseek(file, length, SEEK_CUR);
    return end < 0 ? -1 : ftruncate(file, end);
}

static int in_data(virStreamPtr st, int *data, long long *length, void *opaque) {
    off_t here = lseek(file, 0, SEEK_CUR), next = lseek(file, here, SEEK_DATA);
    *data = next == here;
    next = *data ? lseek(file, here, SEEK_HOLE) : next < 0 ? lseek(file, 0, SEEK_END) : next;
    *length = next - here;
    return lseek(file, here, SEEK_SET) < 0 ? -1 : 0;
}

int main(int argc, char **argv) {
    static char buffer[262120];
    const char *operation = argc == 5 ? argv[4] : "";
    int sparse = strstr(operation, "sparse") != NULL, up = strstr(operation, "upload") != NULL, got = 0;
    virConnectPtr conn = virConnectOpen(argv[1]);
    virStorageVolPtr vol = conn ? virStorageVolLookupByPath(conn, argv[2]) : NULL;
    virStreamPtr st = conn ? virStreamNew(conn, 0) : NULL;
    check(vol && st, "connect");
    if (strcmp(operation, "nothing")) {
        file = up ? open(argv[3], O_RDONLY) : open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        check(file >= 0, argv[3]);
        if (up)
            check(!virStorageVolUpload(vol, st, 0, 0, sparse ? VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM : 0), "upload");
        else
            check(!virStorageVolDownload(vol, st, 0, 0, sparse ? VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM : 0), "download");
        if (strstr(operation, "loop")) {
            if (up) {
                while ((got = read(file, buffer, sizeof buffer)) > 0)
                    for (int sent = 0, now; sent < got; sent += now)
                        check((now = virStreamSend(st, buffer + sent, got - sent)) > 0, "send");
            } else
                while ((got = virStreamRecv(st, buffer, sizeof buffer)) > 0)
                    check(write(file, buffer, got) == got, "write");
            check(got == 0, "transfer");
        } else if (up)
            check(!(sparse ? virStreamSparseSendAll(st, from_file, in_data, skip, NULL) : virStreamSendAll(st, from_file, NULL)), "send");
        else
            check(!(sparse ? virStreamSparseRecvAll(st, to_file, make_hole, NULL) : virStreamRecvAll(st, to_file, NULL)), "receive");
        check(!virStreamFinish(st), "finish");
    }
    virStreamFree(st);
    virStorageVolFree(vol);
    virConnectClose(conn);
    return 0;
}
