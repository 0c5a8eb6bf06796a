/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The libvirt calls of bench/operations.pl, made from C: what no binding can go below. "floor URI NAME COUNT" runs one of them;
 * status 3: not here. "floor URI" is asked as bench/worker.pl is. */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static virConnectPtr conn;
static virDomainPtr dom;
static int keep;

static const char *uri;

static void get_type(void) { virConnectGetType(conn); }
static void get_uri(void) { free(virConnectGetURI(conn)); }
static void get_version(void) { unsigned long v; virConnectGetVersion(conn, &v); }
static void get_hostname(void) { free(virConnectGetHostname(conn)); }
static void get_node_info(void) { virNodeInfo i; virNodeGetInfo(conn, &i); }
static void get_capabilities(void) { free(virConnectGetCapabilities(conn)); }
static void num_of_domains(void) { virConnectNumOfDomains(conn); }
static void get_name(void) { virDomainGetName(dom); }
static void get_id(void) { virDomainGetID(dom); }
static void get_uuid(void) { unsigned char u[16]; virDomainGetUUID(dom, u); }
static void is_active(void) { virDomainIsActive(dom); }
static void get_info(void) { virDomainInfo i; virDomainGetInfo(dom, &i); }
static void get_state(void) { int s, r; virDomainGetState(dom, &s, &r, 0); }
static void get_os_type(void) { free(virDomainGetOSType(dom)); }
static void get_autostart(void) { int a; virDomainGetAutostart(dom, &a); }
static void get_max_memory(void) { virDomainGetMaxMemory(dom); }
static void get_xml(void) { free(virDomainGetXMLDesc(dom, 0)); }
static void set_memory(void) { virDomainSetMemory(dom, 2097152); }
static void connect_(void) { virConnectClose(virConnectOpen(uri)); }

static void get_vcpu_info(void) {
    virVcpuInfo info[2];
    virDomainInfo i;
    unsigned char maps[4];
    virDomainGetInfo(dom, &i);
    virDomainGetVcpus(dom, info, 2, maps, 2);
}

static void scheduler_get(void) {
    int n = 0;
    virTypedParameter p[8];
    free(virDomainGetSchedulerType(dom, &n));
    virDomainGetSchedulerParametersFlags(dom, p, &n, 0);
}

static void scheduler_set(void) {
    virTypedParameter p;
    memset(&p, 0, sizeof p);
    strcpy(p.field, "weight");
    p.type = VIR_TYPED_PARAM_UINT;
    p.value.ui = 50;
    scheduler_get();
    virDomainSetSchedulerParametersFlags(dom, &p, 1, 0);
}

static void memory_stats(void) {
    virDomainMemoryStatStruct s[VIR_DOMAIN_MEMORY_STAT_NR];
    virDomainMemoryStats(dom, s, VIR_DOMAIN_MEMORY_STAT_NR, 0);
}

static void by_name(void) { virDomainFree(virDomainLookupByName(conn, "test")); }
static void by_id(void) { virDomainFree(virDomainLookupByID(conn, 1)); }
static void failed(void) { virDomainLookupByName(conn, "nope"); virResetLastError(); }
static void network(void) { virNetworkFree(virNetworkLookupByName(conn, "default")); }
static void pool(void) { virStoragePoolFree(virStoragePoolLookupByName(conn, "default-pool")); }

static unsigned char uuid[16];
static void by_uuid(void) { virDomainFree(virDomainLookupByUUID(conn, uuid)); }

static void list_all(void) {
    virDomainPtr *all;
    int count = virConnectListAllDomains(conn, &all, 0), index;
    if (keep || count < 0)
        return;
    for (index = 0; index < count; index++)
        virDomainFree(all[index]);
    free(all);
}

static void get_stats(unsigned wanted) {
    virDomainStatsRecordPtr *records;
    if (virConnectGetAllDomainStats(conn, wanted, &records, 0) >= 0 && !keep)
        virDomainStatsRecordListFree(records);
}

/* One of many domains, each in its turn. */
static int domains;

static int another(void) {
    static long number;
    return (int)(number++ * 7919 % domains + 1);
}

static void by_another_name(void) {
    char name[20];
    snprintf(name, sizeof name, "vm%06d", another());
    virDomainFree(virDomainLookupByName(conn, name));
}

static void by_another_uuid(void) {
    char text[40];
    snprintf(text, sizeof text, "00000000-0000-0000-0000-%012d", another());
    virDomainFree(virDomainLookupByUUIDString(conn, text));
}

static void by_another_id(void) { virDomainFree(virDomainLookupByID(conn, another())); }

static void stats(void) { get_stats(0); }
static void state_stats(void) { get_stats(VIR_DOMAIN_STATS_STATE); }

static void nothing(int timer, void *opaque) { (void)timer; (void)opaque; }
static int ignore(virConnectPtr c, virDomainPtr d, int event, int detail, void *opaque) { return 0; }
static void timer(void) { virEventRunDefaultImpl(); }
static void event(void) {
    virDomainSuspend(dom);
    virDomainResume(dom);
    virEventRunDefaultImpl();
}

static void silence(void *data, virErrorPtr error) { (void)data; (void)error; }

static const struct { const char *name; void (*run)(void); } operations[] = {
    {"connect", connect_}, {"get_type", get_type}, {"get_uri", get_uri}, {"get_version", get_version},
    {"get_hostname", get_hostname}, {"get_node_info", get_node_info}, {"get_capabilities", get_capabilities},
    {"num_of_domains", num_of_domains}, {"domain get_name", get_name}, {"domain get_id", get_id},
    {"domain get_uuid", get_uuid}, {"domain get_uuid_string", get_uuid}, {"domain is_active", is_active},
    {"domain get_info", get_info}, {"domain get_state", get_state}, {"domain get_os_type", get_os_type},
    {"domain get_autostart", get_autostart}, {"domain get_max_memory", get_max_memory}, {"domain get_xml", get_xml},
    {"domain get_vcpu_info", get_vcpu_info}, {"domain scheduler get", scheduler_get},
    {"domain scheduler set", scheduler_set}, {"domain memory stats", memory_stats}, {"domain set_memory", set_memory},
    {"lookup by name", by_name}, {"lookup by id", by_id}, {"lookup by raw uuid", by_uuid},
    {"lookup by uuid text", by_uuid}, {"failed lookup in eval", failed}, {"lookup of a network", network},
    {"lookup of a pool", pool}, {"all domain stats, 1", stats}, {"timer dispatch", timer}, {"event dispatch", event},
    {"list_all_domains, ", list_all}, {"list_domains, ", list_all}, {"all domain stats, ", state_stats},
    {"num_of_domains, ", num_of_domains}, {"lookup by name, ", by_another_name}, {"lookup by id, ", by_another_id},
    {"lookup by uuid, ", by_another_uuid},
};

/* A name that ends with a space stands for all that go on with a number of domains. */
static int is(const char *name, const char *wanted) {
    size_t length = strlen(name);
    return name[length - 1] == ' ' ? !strncmp(name, wanted, length) : !strcmp(name, wanted);
}

static long heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void (*find(const char *name))(void) {
    size_t index;
    for (index = 0; index < sizeof operations / sizeof *operations; index++)
        if (is(operations[index].name, name))
            return operations[index].run;
    exit(3);
}

/* Answers lines of a name, a number and perhaps one more word: "keep", for lists that are not freed. */
static void serve(void) {
    char line[200];
    puts("C");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        const char *name = strtok(line, "\t\n"), *number = strtok(NULL, "\t\n");
        void (*run)(void) = find(name);
        long count = atol(number), before = heap();
        struct timespec start, end;
        clock_t used = clock();
        keep = strtok(NULL, "\t\n") != NULL;
        clock_gettime(CLOCK_MONOTONIC, &start);
        while (count--)
            run();
        used = clock() - used;
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%.9f\t%.9f\t%ld\n", (double)used / CLOCKS_PER_SEC,
               (double)(end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9, heap() - before);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    const char *name = argc == 4 ? argv[2] : "";
    long count = argc == 4 ? atol(argv[3]) : 0;
    void (*run)(void);
    setlocale(LC_ALL, ""); /* as perl does: without, translating messages takes longer */
    virSetErrorFunc(NULL, silence);
    if (!strcmp(name, "module load"))
        return virInitialize();
    virEventRegisterDefaultImpl();
    uri = argv[1];
    conn = virConnectOpen(uri);
    if (!conn)
        return 1;
    dom = virDomainLookupByName(conn, "test"); /* is not there among many domains */
    if (dom)
        virDomainGetUUID(dom, uuid);
    domains = virConnectNumOfDomains(conn);
    if (argc == 2) {
        serve();
        return 0;
    }
    run = find(name);
    if (!strcmp(name, "timer dispatch"))
        virEventAddTimeout(0, nothing, NULL, NULL);
    if (!strcmp(name, "event dispatch"))
        virConnectDomainEventRegisterAny(conn, NULL, 0, VIR_DOMAIN_EVENT_CALLBACK(ignore), NULL, NULL);
    while (count--)
        run();
    return 0;
}
