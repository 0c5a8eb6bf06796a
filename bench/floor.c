/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* The libvirt calls of bench/operations.pl, made from C: what no binding can go below. floor NAME COUNT; status 3: not here. */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

static virConnectPtr conn;
static virDomainPtr dom;

static void get_type(void) { virConnectGetType(conn); }
static void get_uri(void) { free(virConnectGetURI(conn)); }
static void get_version(void) { unsigned long v; virConnectGetVersion(conn, &v); }
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
static void connect_(void) { virConnectClose(virConnectOpen("test:///default")); }

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

static void stats(void) {
    virDomainStatsRecordPtr *records;
    if (virConnectGetAllDomainStats(conn, 0, &records, 0) >= 0)
        virDomainStatsRecordListFree(records);
}

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
    {"get_node_info", get_node_info}, {"get_capabilities", get_capabilities},
    {"num_of_domains", num_of_domains}, {"domain get_name", get_name}, {"domain get_id", get_id},
    {"domain get_uuid", get_uuid}, {"domain get_uuid_string", get_uuid}, {"domain is_active", is_active},
    {"domain get_info", get_info}, {"domain get_state", get_state}, {"domain get_os_type", get_os_type},
    {"domain get_autostart", get_autostart}, {"domain get_max_memory", get_max_memory}, {"domain get_xml", get_xml},
    {"domain get_vcpu_info", get_vcpu_info}, {"domain scheduler get", scheduler_get},
    {"domain scheduler set", scheduler_set}, {"domain memory stats", memory_stats}, {"domain set_memory", set_memory},
    {"lookup by name", by_name}, {"lookup by id", by_id}, {"lookup by raw uuid", by_uuid},
    {"lookup by uuid text", by_uuid}, {"failed lookup in eval", failed}, {"lookup of a network", network},
    {"lookup of a pool", pool}, {"all domain stats, 1", stats}, {"timer dispatch", timer}, {"event dispatch", event},
};

int main(int argc, char **argv) {
    size_t index;
    long count = argc == 3 ? atol(argv[2]) : 0;
    virSetErrorFunc(NULL, silence);
    for (index = 0; index < sizeof operations / sizeof *operations && count; index++)
        if (!strcmp(operations[index].name, argv[1])) {
            virEventRegisterDefaultImpl();
            conn = virConnectOpen("test:///default");
            dom = virDomainLookupByName(conn, "test");
            virDomainGetUUID(dom, uuid);
            if (strstr(argv[1], "dispatch"))
                virEventAddTimeout(0, nothing, NULL, NULL);
            if (!strcmp(argv[1], "event dispatch"))
                virConnectDomainEventRegisterAny(conn, NULL, 0, VIR_DOMAIN_EVENT_CALLBACK(ignore), NULL, NULL);
            while (count--)
                operations[index].run();
            return 0;
        }
    return 3;
}
