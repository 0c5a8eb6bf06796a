/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The tasks of task-worker.pl, in C that frees what it gets: task-worker TASK URI [VOLUME FILE]. */
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static virConnectPtr conn;
static unsigned long long sum;

static void ignore(void *opaque, virErrorPtr error) {}

static void each_domain(void (*with)(virDomainPtr)) {
    virDomainPtr *all;
    int index, count = virConnectListAllDomains(conn, &all, 0);
    for (index = 0; index < count; index++) {
        with(all[index]);
        virDomainFree(all[index]);
    }
    free(all);
}

static void check_one(virDomainPtr domain) {
    int state = 0;
    virDomainGetState(domain, &state, NULL, 0);
    sum += (state == VIR_DOMAIN_RUNNING) + strlen(virDomainGetName(domain));
}
static void check(void) { each_domain(check_one); }

static void monitor_one(virDomainPtr domain) {
    virDomainInfo info;
    char uuid[VIR_UUID_STRING_BUFLEN];
    virVcpuInfo cpus[16];
    unsigned char maps[16 * 16];
    int index, count;
    virDomainGetInfo(domain, &info);
    virDomainGetUUIDString(domain, uuid);
    sum += strlen(virDomainGetName(domain)) + strlen(uuid);
    count = virDomainGetVcpus(domain, cpus, 16, maps, 16);
    for (index = 0; index < count; index++)
        sum += info.maxMem + cpus[index].state;
}
static void monitor(void) {
    for (int round = 0; round < 5; round++)
        each_domain(monitor_one);
}

static void web(void) {
    for (int round = 0; round < 200; round++) {
        virDomainPtr domain = virDomainLookupByName(conn, "vm000007");
        virDomainInfo info;
        virTypedParameter params[16];
        int count = 16;
        char uuid[VIR_UUID_STRING_BUFLEN], *type = virDomainGetOSType(domain);
        virDomainGetInfo(domain, &info);
        virDomainGetUUIDString(domain, uuid);
        virDomainGetSchedulerParameters(domain, params, &count);
        sum += info.maxMem + info.nrVirtCpu + virDomainIsActive(domain) + virDomainGetID(domain) + strlen(uuid) + strlen(type)
               + params[0].value.ui;
        free(type);
        virDomainFree(domain);
    }
}

static void statistics(void) {
    for (int round = 0; round < 3; round++) {
        virDomainStatsRecordPtr *records;
        int index, at, count = virConnectGetAllDomainStats(conn, 0, &records, 0);
        for (index = 0; index < count; index++) {
            sum += strlen(virDomainGetName(records[index]->dom)) + records[index]->nparams;
            for (at = 0; at < records[index]->nparams; at++)
                if (!strcmp(records[index]->params[at].field, "state.state"))
                    sum += records[index]->params[at].value.i;
        }
        virDomainStatsRecordListFree(records);
    }
}

static void xml_one(virDomainPtr domain) {
    char *xml = virDomainGetXMLDesc(domain, 0);
    sum += strlen(xml);
    free(xml);
}
static void xml(void) { each_domain(xml_one); }

static void lookups(void) {
    for (int number = 1; number <= 1000; number++) {
        char name[32];
        virDomainPtr domain;
        sprintf(name, "vm%06d", number);
        if ((domain = virDomainLookupByName(conn, name))) {
            sum += virDomainGetID(domain);
            virDomainFree(domain);
        } else {
            sum += virGetLastErrorCode();
        }
    }
}

static void provision(void) {
    for (int number = 1; number <= 200; number++) {
        char description[200];
        virDomainPtr domain;
        virTypedParameter weight = {.field = "weight", .type = VIR_TYPED_PARAM_UINT, .value.ui = 100};
        sprintf(description, "<domain type='test'><name>new%d</name><memory>8192</memory><os><type>hvm</type></os></domain>", number);
        domain = virDomainDefineXML(conn, description);
        virDomainCreate(domain);
        virDomainSetSchedulerParameters(domain, &weight, 1);
        virDomainSetAutostart(domain, 1);
        virDomainDestroy(domain);
        virDomainUndefine(domain);
        virDomainFree(domain);
        sum++;
    }
}

static int seen;

static void happened(virConnectPtr c, virDomainPtr domain, int event, int detail, void *opaque) {
    if (event)
        sum += strlen(virDomainGetName(domain));
    seen++;
}

static void events(void) {
    virDomainPtr domain = virDomainLookupByName(conn, "vm000001");
    virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(happened), NULL, NULL);
    for (int round = 1; round <= 5000; round++) {
        virDomainSuspend(domain);
        virDomainResume(domain);
        while (seen < 2 * round)
            virEventRunDefaultImpl();
    }
    virDomainFree(domain);
}

static void upload(char **args) {
    static char data[262120];
    int got, sent, now, file = open(args[1], O_RDONLY);
    virStreamPtr stream = virStreamNew(conn, 0);
    virStorageVolPtr volume = virStorageVolLookupByPath(conn, args[0]);
    virStorageVolUpload(volume, stream, 0, 0, 0);
    while ((got = read(file, data, sizeof data)) > 0)
        for (sent = 0; sent < got; sent += now, sum += now)
            if ((now = virStreamSend(stream, data + sent, got - sent)) < 0)
                exit(1);
    virStreamFinish(stream);
    virStreamFree(stream);
    virStorageVolFree(volume);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } tasks[] = {{"check", check},     {"monitor", monitor}, {"web", web},       {"statistics", statistics},
                 {"xml", xml},         {"lookups", lookups}, {"events", events}, {"provision", provision}};
    char line[256];
    long memory = 0;
    unsigned long long time = 0;
    FILE *status, *times;
    virSetErrorFunc(NULL, ignore);
    if (!strcmp(argv[1], "events"))
        virEventRegisterDefaultImpl();
    conn = virConnectOpen(argv[2]);
    for (size_t index = 0; index < sizeof tasks / sizeof *tasks; index++)
        if (!strcmp(argv[1], tasks[index].name))
            tasks[index].run();
    if (!strcmp(argv[1], "upload"))
        upload(argv + 3);
    status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &memory) == 1)
            break;
    times = fopen("/proc/self/schedstat", "r");
    if (!times || fscanf(times, "%llu", &time) != 1)
        return 1;
    printf("%llu %ld %llu\n", sum, memory, time);
    virConnectClose(conn);
    return 0;
}
