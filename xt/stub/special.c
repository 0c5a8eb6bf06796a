/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Stubs that are more than a record and a known value: structures, arrays of them, streams, events. */
#include "stub.h"

/* A connection breaks at once, or, if STUB_CLOSE_LATER is set, during a call that notices. */
static struct {
    virConnectPtr conn;
    virConnectCloseFunc cb;
    void *opaque;
    virFreeCallback ff;
} on_close;

static void close_connection(void) {
    virConnectCloseFunc cb = on_close.cb;
    on_close.cb = NULL;
    if (!cb)
        return;
    cb(on_close.conn, 2, on_close.opaque);
    on_close.ff(on_close.opaque);
}

int virNodeGetInfo(virConnectPtr conn, virNodeInfoPtr info) {
    FAIL(-1);
    note("virNodeGetInfo(object)\n");
    memset(info, 0, sizeof *info);
    strcpy(info->model, "model");
    info->memory = 4096, info->cpus = 12, info->mhz = 1000;
    info->nodes = 1, info->sockets = 2, info->cores = 3, info->threads = 2;
    return 0;
}

int virDomainGetInfo(virDomainPtr dom, virDomainInfoPtr info) {
    FAIL(-1);
    note("virDomainGetInfo(object)\n");
    if (on_close.cb) {
        close_connection();
        note("virDomainGetInfo goes on\n");
    }
    info->state = 1, info->maxMem = 4000, info->memory = 3000, info->nrVirtCpu = 2, info->cpuTime = 1ull << 63;
    return 0;
}

int virDomainGetVcpus(virDomainPtr dom, virVcpuInfoPtr info, int max, unsigned char *maps, int length) {
    FAIL(-1);
    int index;
    note("virDomainGetVcpus(object, %d, %d)\n", max, length);
    for (index = 0; index < max; index++) {
        info[index].number = index, info[index].state = 1, info[index].cpuTime = 9, info[index].cpu = index - 1;
        maps[index * length] = (unsigned char)(index + 1);
    }
    return max;
}

int virDomainGetVcpuPinInfo(virDomainPtr dom, int max, unsigned char *maps, int length, unsigned int flags) {
    FAIL(-1);
    note("virDomainGetVcpuPinInfo(object, %d, %d, %u)\n", max, length, flags);
    return max;
}

int virDomainGetCPUStats(virDomainPtr dom, virTypedParameterPtr params, unsigned int nparams, int start,
                         unsigned int ncpus, unsigned int flags) {
    FAIL(-1);
    unsigned int cpu;
    note("virDomainGetCPUStats(object, %u, %d, %u, %u)\n", nparams, start, ncpus, flags);
    if (!params)
        return ncpus ? 2 : 3;
    for (cpu = 0; cpu < ncpus; cpu++) {
        virTypedParameterPtr row = params + cpu * nparams;
        strcpy(row[0].field, "cpu_time"), row[0].type = VIR_TYPED_PARAM_ULLONG, row[0].value.ul = 100 + cpu;
        strcpy(row[1].field, "vcpu_time"), row[1].type = VIR_TYPED_PARAM_ULLONG, row[1].value.ul = 200 + cpu;
    }
    return 2;
}

int virDomainMemoryStats(virDomainPtr dom, virDomainMemoryStatPtr stats, unsigned int max, unsigned int flags) {
    FAIL(-1);
    note("virDomainMemoryStats(object, %u)\n", flags);
    if (flags & 1u << 31) { /* a statistic for each of the other bits */
        int tag, count = 0;
        for (tag = 0; tag < 13; tag++)
            if (flags & 1u << tag)
                stats[count].tag = tag, stats[count++].val = 1000 + tag;
        return count;
    }
    stats[0].tag = VIR_DOMAIN_MEMORY_STAT_RSS, stats[0].val = 18446744073709551615ull;
    stats[1].tag = 999, stats[1].val = 1;
    return 2;
}

int virNodeGetCPUMap(virConnectPtr conn, unsigned char **map, unsigned int *online, unsigned int flags) {
    FAIL(-1);
    note("virNodeGetCPUMap(object, %u)\n", flags);
    *map = (unsigned char *)strdup("\x05\x01");
    *online = 3;
    return 12;
}

unsigned char *virSecretGetValue(virSecretPtr secret, size_t *length, unsigned int flags) {
    const char *text = getenv("STUB_SECRET");
    FAIL(NULL);
    note("virSecretGetValue(object, %u)\n", flags);
    *length = text ? strlen(text) : 5;
    return memcpy(malloc(*length), text ? text : "a\0b\xff" "c", *length);
}

/* Asks for one credential, as a driver would; the answer is overwritten here, because that is not tested. */
virConnectPtr virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags) {
    virConnectCredential cred = {.type = VIR_CRED_PASSPHRASE, .prompt = "Password", .challenge = NULL};
    FAIL(NULL);
    note("virConnectOpenAuth(%s, %u)\n", text(name), flags);
    if (auth && auth->cb) {
        int answered = auth->cb(&cred, 1, auth->cbdata);
        note("credential %s, %u\n", text(cred.result), cred.resultlen);
        if (cred.result)
            memset(cred.result, 0, cred.resultlen);
        free(cred.result);
        if (answered < 0)
            return NULL;
    }
    return fake();
}

int virSecretSetValue(virSecretPtr secret, const unsigned char *value, size_t length, unsigned int flags) {
    FAIL(-1);
    size_t index;
    note("virSecretSetValue(object, ");
    for (index = 0; index < length; index++)
        note("%02x", value[index]);
    note(", %zu, %u)\n", length, flags);
    return 0;
}

char *virDomainGetSchedulerType(virDomainPtr dom, int *count) {
    FAIL(NULL);
    note("virDomainGetSchedulerType(object)\n");
    if (count)
        *count = PARAMS;
    return strdup("scheduler");
}

int virDomainGetSecurityLabelList(virDomainPtr dom, virSecurityLabelPtr *labels) {
    FAIL(-1);
    note("virDomainGetSecurityLabelList(object)\n");
    *labels = calloc(2, sizeof **labels);
    strcpy((*labels)[0].label, "one");
    strcpy((*labels)[1].label, "two"), (*labels)[1].enforcing = 1;
    return 2;
}

int virDomainGetFSInfo(virDomainPtr dom, virDomainFSInfoPtr **info, unsigned int flags) {
    FAIL(-1);
    note("virDomainGetFSInfo(object, %u)\n", flags);
    *info = calloc(1, sizeof **info);
    **info = calloc(1, sizeof ***info);
    (**info)->mountpoint = strdup("/"), (**info)->name = strdup("vda1"), (**info)->fstype = strdup("ext4");
    (**info)->ndevAlias = 2, (**info)->devAlias = texts_new();
    return 1;
}

int virDomainGetIOThreadInfo(virDomainPtr dom, virDomainIOThreadInfoPtr **info, unsigned int flags) {
    FAIL(-1);
    note("virDomainGetIOThreadInfo(object, %u)\n", flags);
    *info = calloc(1, sizeof **info);
    **info = calloc(1, sizeof ***info);
    (**info)->iothread_id = 4, (**info)->cpumap = (unsigned char *)strdup("\x05"), (**info)->cpumaplen = 1;
    return 1;
}

int virDomainInterfaceAddresses(virDomainPtr dom, virDomainInterfacePtr **ifaces, unsigned int source, unsigned int flags) {
    FAIL(-1);
    virDomainInterfacePtr iface = calloc(1, sizeof *iface);
    note("virDomainInterfaceAddresses(object, %u, %u)\n", source, flags);
    *ifaces = calloc(1, sizeof **ifaces);
    **ifaces = iface;
    iface->name = strdup("eth0");
    iface->naddrs = 1, iface->addrs = calloc(1, sizeof *iface->addrs);
    iface->addrs[0].type = 1, iface->addrs[0].addr = strdup("::1"), iface->addrs[0].prefix = 64;
    return 1;
}

int virNetworkGetDHCPLeases(virNetworkPtr net, const char *mac, virNetworkDHCPLeasePtr **leases, unsigned int flags) {
    FAIL(-1);
    note("virNetworkGetDHCPLeases(object, %s, %u)\n", text(mac), flags);
    *leases = calloc(1, sizeof **leases);
    **leases = calloc(1, sizeof ***leases);
    (**leases)->iface = strdup("virbr0"), (**leases)->expirytime = 5000000000ll, (**leases)->prefix = 24;
    return 1;
}

static int records(virDomainStatsRecordPtr **list) {
    *list = calloc(2, sizeof **list);
    **list = calloc(1, sizeof ***list);
    (**list)->dom = fake(), (**list)->params = params_new(), (**list)->nparams = PARAMS;
    return 1;
}

/* `count` domains whose names come in so many shapes, of 2 names and more, each longer than the one before. What stands behind a
 * name's NUL is never the same. Each fifth shape has a name twice, each seventh one without NUL. Each eleventh domain has parameters of
 * a type that does not exist. */
static int shaped(virDomainStatsRecordPtr **list, unsigned int count, int shapes) {
    static unsigned char garbage;
    unsigned int index;
    *list = calloc(count + 1, sizeof **list);
    for (index = 0; index < count; index++) {
        virDomainStatsRecordPtr record = (*list)[index] = calloc(1, sizeof ***list);
        const int shape = (int)(index % (unsigned)shapes);
        record->dom = fake(), record->nparams = 2 + shape, record->params = calloc(record->nparams, sizeof *record->params);
        for (int at = 0; at < record->nparams; at++) {
            virTypedParameterPtr param = &record->params[at];
            const int number = at && shape % 5 == 4 && at == record->nparams - 1 ? 0 : at;
            memset(param->field, ++garbage ? garbage : 1, sizeof param->field);
            if (number == 1 && shape % 7 == 6)
                memset(param->field, 'x', sizeof param->field);
            else
                sprintf(param->field, "%0*d.%d", 1 + number % 70, number, shape % 3);
            param->type = index % 11 == 10 && at % 3 == 0 ? 99 : VIR_TYPED_PARAM_ULLONG, param->value.ul = index * 1000 + at;
        }
    }
    return (int)count;
}

int virConnectGetAllDomainStats(virConnectPtr conn, unsigned int stats, virDomainStatsRecordPtr **list, unsigned int flags) {
    FAIL(-1);
    note("virConnectGetAllDomainStats(object, %u, %u)\n", stats, flags);
    if (flags & 1u << 31)
        return shaped(list, stats, (int)(flags & 0xFFFF));
    return records(list);
}

int virDomainListGetStats(virDomainPtr *doms, unsigned int stats, virDomainStatsRecordPtr **list, unsigned int flags) {
    FAIL(-1);
    int count = 0;
    while (doms[count])
        count++;
    note("virDomainListGetStats(%d, %u, %u)\n", count, stats, flags);
    return records(list);
}

void virDomainStatsRecordListFree(virDomainStatsRecordPtr *list) {
    for (int index = 0; list && list[index]; index++) {
        release(list[index]->dom);
        virTypedParamsFree(list[index]->params, list[index]->nparams);
        free(list[index]);
    }
    free(list);
}

int virNodeGetFreePages(virConnectPtr conn, unsigned int npages, unsigned int *pages, int start, unsigned int cells,
                        unsigned long long *counts, unsigned int flags) {
    FAIL(-1);
    unsigned int index;
    note("virNodeGetFreePages(object, %u, %u, %d, %u, %u)\n", npages, THERE(pages) ? pages[0] : 0, start, cells, flags);
    for (index = 0; index < npages * cells; index++)
        counts[index] = 1000 + index;
    return (int)(npages * cells);
}

int virNodeAllocPages(virConnectPtr conn, unsigned int npages, unsigned int *sizes, unsigned long long *counts, int start,
                      unsigned int cells, unsigned int flags) {
    FAIL(-1);
    note("virNodeAllocPages(object, %u, %u, %llu, %d, %u, %u)\n", npages, THERE(sizes) ? sizes[0] : 0, THERE(counts) ? counts[0] : 0, start, cells, flags);
    return 0;
}

int virNodeGetCellsFreeMemory(virConnectPtr conn, unsigned long long *free_, int start, int max) {
    FAIL(-1);
    note("virNodeGetCellsFreeMemory(object, %d, %d)\n", start, max);
    if (max < 1)
        return 0;
    free_[0] = 1ull << 40;
    return 1;
}

int virDomainGetDiskErrors(virDomainPtr dom, virDomainDiskErrorPtr errors, unsigned int max, unsigned int flags) {
    FAIL(-1);
    note("virDomainGetDiskErrors(object, %u, %u)\n", max, flags);
    if (errors)
        errors[0].disk = strdup("vda"), errors[0].error = 2;
    return 1;
}

int virDomainBlockPeek(virDomainPtr dom, const char *disk, unsigned long long offset, size_t size, void *buffer,
                       unsigned int flags) {
    FAIL(-1);
    note("virDomainBlockPeek(object, %s, %llu, %zu, %u)\n", disk, offset, size, flags);
    memset(buffer, 'B', size < 65536 ? size : 65536); /* libvirt has limits, too */
    return 0;
}

int virDomainMemoryPeek(virDomainPtr dom, unsigned long long offset, size_t size, void *buffer, unsigned int flags) {
    FAIL(-1);
    note("virDomainMemoryPeek(object, %llu, %zu, %u)\n", offset, size, flags);
    memset(buffer, 'M', size < 65536 ? size : 65536); /* libvirt has limits, too */
    return 0;
}

/* Streams: the same few bytes come and go. */

int virStreamSend(virStreamPtr st, const char *data, size_t length) {
    FAIL(-1);
    note("virStreamSend(object, %.*s, %zu)\n", (int)length, data ? data : "", length);
    return (int)length;
}

int virStreamRecv(virStreamPtr st, char *data, size_t length) {
    FAIL(-1);
    note("virStreamRecv(object, %zu)\n", length);
    length = length < 4 ? length : 4;
    memcpy(data, "data", length);
    return (int)length;
}

int virStreamRecvFlags(virStreamPtr st, char *data, size_t length, unsigned int flags) {
    FAIL(-1);
    note("virStreamRecvFlags(object, %zu, %u)\n", length, flags);
    return -3;
}

int virStreamRecvHole(virStreamPtr st, long long *length, unsigned int flags) {
    FAIL(-1);
    note("virStreamRecvHole(object, %u)\n", flags);
    *length = 1ll << 40;
    return 0;
}

int virStreamRecvAll(virStreamPtr st, virStreamSinkFunc handler, void *opaque) {
    FAIL(-1);
    int taken = handler(st, "stream data", 11, opaque);
    note("virStreamRecvAll(object, %d)\n", taken);
    return taken < 0 ? -1 : 0;
}

int virStreamSparseRecvAll(virStreamPtr st, virStreamSinkFunc handler, virStreamSinkHoleFunc hole, void *opaque) {
    FAIL(-1);
    int skipped = hole(st, 1ll << 40, opaque), taken = handler(st, "stream data", 11, opaque);
    note("virStreamSparseRecvAll(object, %d, %d)\n", taken, skipped);
    return taken < 0 || skipped < 0 ? -1 : 0;
}

static int drain(virStreamPtr st, virStreamSourceFunc handler, void *opaque) {
    char buffer[64];
    int got;
    while ((got = handler(st, buffer, sizeof buffer, opaque)) > 0)
        note("sent %.*s\n", got, buffer);
    return got;
}

int virStreamSendAll(virStreamPtr st, virStreamSourceFunc handler, void *opaque) {
    FAIL(-1);
    int got = drain(st, handler, opaque);
    note("virStreamSendAll(object, %d)\n", got);
    return got;
}

int virStreamSparseSendAll(virStreamPtr st, virStreamSourceFunc handler, virStreamSourceHoleFunc hole,
                           virStreamSourceSkipFunc skip, void *opaque) {
    FAIL(-1);
    int in_data = -1, found, skipped, got;
    long long length = -1;
    found = hole(st, &in_data, &length, opaque);
    skipped = skip(st, length, opaque);
    got = drain(st, handler, opaque);
    note("virStreamSparseSendAll(object, %d, %d, %d, %lld, %d)\n", found, skipped, in_data, length, got);
    return found < 0 || skipped < 0 || got < 0 ? -1 : 0;
}

/* Events: a registration is followed at once by one event with known values. */

int virConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom, int id, virConnectDomainEventGenericCallback cb,
                                     void *opaque, virFreeCallback ff) {
    FAIL(-1);
    static virDomainEventGraphicsAddress local = {1, "node", "service"}, remote = {2, NULL, NULL};
    static virDomainEventGraphicsSubjectIdentity identity = {"type", "name"};
    static virDomainEventGraphicsSubject subject = {1, &identity};
    virTypedParameterPtr params = params_new();
    virDomainPtr about = fake();
    note("virConnectDomainEventRegisterAny(object, %s, %d)\n", dom ? "object" : "NULL", id);
#define CALL(type, ...) ((type)cb)(conn, about, ##__VA_ARGS__, opaque)
    switch (id) {
    case 0: CALL(virConnectDomainEventCallback, 1, 2); break;
    case 2: CALL(virConnectDomainEventRTCChangeCallback, -5000000000ll); break;
    case 3: CALL(virConnectDomainEventWatchdogCallback, 3); break;
    case 4: CALL(virConnectDomainEventIOErrorCallback, "path", "alias", 4); break;
    case 5: CALL(virConnectDomainEventGraphicsCallback, 5, &local, &remote, "scheme", &subject); break;
    case 6: CALL(virConnectDomainEventIOErrorReasonCallback, "path", "alias", 6, "reason"); break;
    case 8: case 16: CALL(virConnectDomainEventBlockJobCallback, "disk", 8, 16); break;
    case 9: CALL(virConnectDomainEventDiskChangeCallback, NULL, "new", "alias", 9); break;
    case 10: CALL(virConnectDomainEventTrayChangeCallback, "alias", 10); break;
    case 11: case 12: case 14: CALL(virConnectDomainEventPMWakeupCallback, 11); break;
    case 13: CALL(virConnectDomainEventBalloonChangeCallback, 18446744073709551615ull); break;
    case 15: case 19: case 22: CALL(virConnectDomainEventDeviceRemovedCallback, "alias"); break;
    case 17: case 21: CALL(virConnectDomainEventTunableCallback, params, PARAMS); break;
    case 18: CALL(virConnectDomainEventAgentLifecycleCallback, 1, 18); break;
    case 20: CALL(virConnectDomainEventMigrationIterationCallback, 20); break;
    case 23: CALL(virConnectDomainEventMetadataChangeCallback, 2, NULL); break;
    case 24: CALL(virConnectDomainEventBlockThresholdCallback, "vda", NULL, 9223372036854775808ull, 1ull); break;
    case 25: CALL(virConnectDomainEventMemoryFailureCallback, 1, 2, 4294967295u); break;
    case 26: ((void (*)(virConnectPtr, virDomainPtr, const char *, unsigned long long, void *))cb)(
                 conn, about, "alias", 1ull << 40, opaque); break;
    case 27: ((void (*)(virConnectPtr, virDomainPtr, const char *, const char *, const char *, void *))cb)(
                 conn, about, "alias", "old", "new", opaque); break;
    case 28: ((void (*)(virConnectPtr, virDomainPtr, unsigned, void *))cb)(conn, about, 28, opaque); break;
    case 29: ((void (*)(virConnectPtr, virDomainPtr, const char *, int, int, void *))cb)(
                 conn, about, "channel", 1, 29, opaque); break;
    default: CALL(virConnectDomainEventGenericCallback); break;
    }
    release(about);
    virTypedParamsFree(params, PARAMS);
    ff(opaque); /* nothing more will happen */
    return id + 100;
}

int virConnectDomainEventRegister(virConnectPtr conn, virConnectDomainEventCallback cb, void *opaque, virFreeCallback ff) {
    FAIL(-1);
    virDomainPtr about = fake();
    note("virConnectDomainEventRegister(object)\n");
    cb(conn, about, 1, 2, opaque);
    release(about);
    ff(opaque);
    return 0;
}

int virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque, virFreeCallback ff) {
    FAIL(-1);
    note("virConnectRegisterCloseCallback(object)\n");
    on_close.conn = conn;
    on_close.cb = cb;
    on_close.opaque = opaque;
    on_close.ff = ff;
    if (!getenv("STUB_CLOSE_LATER"))
        close_connection();
    return 0;
}

#define OTHER_EVENTS(Kind, second)                                                                                     \
    int virConnect##Kind##EventRegisterAny(virConnectPtr conn, vir##Kind##Ptr object, int id,                         \
                                           virConnect##Kind##EventGenericCallback cb, void *opaque, virFreeCallback ff) { \
        FAIL(-1);                                                                                                      \
        vir##Kind##Ptr about = fake();                                                                                 \
        note("virConnect" #Kind "EventRegisterAny(object, %s, %d)\n", object ? "object" : "NULL", id);                 \
        if (id == 0)                                                                                                   \
            ((virConnect##Kind##EventLifecycleCallback)cb)(conn, about, 1, 2, opaque);                                 \
        else if (second)                                                                                               \
            ((void (*)(virConnectPtr, vir##Kind##Ptr, int, const char *, void *))cb)(conn, about, 3, "uri", opaque);   \
        else                                                                                                           \
            cb(conn, about, opaque);                                                                                   \
        release(about);                                                                                                \
        ff(opaque); /* as above */                                                                                     \
        return id + 200;                                                                                               \
    }
OTHER_EVENTS(Network, 1)
OTHER_EVENTS(StoragePool, 0)
OTHER_EVENTS(NodeDevice, 0)
OTHER_EVENTS(Secret, 0)

int virStreamEventAddCallback(virStreamPtr st, int events, virStreamEventCallback cb, void *opaque, virFreeCallback ff) {
    FAIL(-1);
    note("virStreamEventAddCallback(object, %d)\n", events);
    cb(st, events, opaque);
    return 0;
}
