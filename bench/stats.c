/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* A host without libvirtd, preloaded by bench/methods.pl before the stubs of xt/stub: virConnectGetAllDomainStats answers for
 * many domains, with the names that the QEMU driver has. `stats` is their number, `flags` in how many shapes the domains come: a
 * shape has disks, interfaces and processors of its own number. */
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(virDomainStatsRecordPtr record, const char *format, int number, int type, unsigned long long value) {
    virTypedParameterPtr param = &record->params[record->nparams++];
    snprintf(param->field, sizeof param->field, format, number);
    param->type = type;
    if (type == VIR_TYPED_PARAM_STRING)
        param->value.s = strdup(value ? "/var/lib/libvirt/images/guest.qcow2" : "vnet0");
    else
        param->value.ul = value;
}

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

/* 86 keys with one interface, two disks and four processors. */
static void fill(virDomainStatsRecordPtr record, int nets, int disks, int cpus) {
    static const char *const of_domain[] = {"cpu.time",
                                            "cpu.user",
                                            "cpu.system",
                                            "balloon.current",
                                            "balloon.maximum",
                                            "balloon.swap_in",
                                            "balloon.swap_out",
                                            "balloon.major_fault",
                                            "balloon.available",
                                            "balloon.unused",
                                            "balloon.last-update",
                                            "balloon.rss",
                                            "balloon.usable",
                                            "balloon.minor_fault",
                                            "balloon.disk_caches",
                                            "cpu.cache.monitor.count"};
    static const char *const of_cpu[] = {"vcpu.%d.time", "vcpu.%d.wait", "vcpu.%d.delay", "vcpu.%d.halt_poll_success.sum"};
    static const char *const of_net[] = {"net.%d.rx.bytes", "net.%d.rx.pkts", "net.%d.rx.errs", "net.%d.rx.drop",
                                         "net.%d.tx.bytes", "net.%d.tx.pkts", "net.%d.tx.errs", "net.%d.tx.drop"};
    static const char *const of_disk[] = {"block.%d.rd.reqs",    "block.%d.rd.bytes", "block.%d.rd.times", "block.%d.wr.reqs",
                                          "block.%d.wr.bytes",   "block.%d.wr.times", "block.%d.fl.reqs",  "block.%d.fl.times",
                                          "block.%d.allocation", "block.%d.capacity", "block.%d.physical"};
    int at, index;
    record->params = calloc(64 + 8 * cpus + 16 * nets + 16 * disks, sizeof *record->params);
    add(record, "state.state", 0, VIR_TYPED_PARAM_INT, 1);
    add(record, "state.reason", 0, VIR_TYPED_PARAM_INT, 5);
    for (at = 0; at < COUNT(of_domain); at++)
        add(record, of_domain[at], 0, VIR_TYPED_PARAM_ULLONG, 3000000000ull + at);
    add(record, "vcpu.current", 0, VIR_TYPED_PARAM_UINT, cpus);
    add(record, "vcpu.maximum", 0, VIR_TYPED_PARAM_UINT, cpus);
    for (index = 0; index < cpus; index++) {
        add(record, "vcpu.%d.state", index, VIR_TYPED_PARAM_INT, 1);
        for (at = 0; at < COUNT(of_cpu); at++)
            add(record, of_cpu[at], index, VIR_TYPED_PARAM_ULLONG, 5000000000ull + at);
    }
    add(record, "net.count", 0, VIR_TYPED_PARAM_UINT, nets);
    for (index = 0; index < nets; index++) {
        add(record, "net.%d.name", index, VIR_TYPED_PARAM_STRING, 0);
        for (at = 0; at < COUNT(of_net); at++)
            add(record, of_net[at], index, VIR_TYPED_PARAM_ULLONG, 7000000000ull + at);
    }
    add(record, "block.count", 0, VIR_TYPED_PARAM_UINT, disks);
    for (index = 0; index < disks; index++) {
        add(record, "block.%d.name", index, VIR_TYPED_PARAM_STRING, 0);
        add(record, "block.%d.path", index, VIR_TYPED_PARAM_STRING, 1);
        for (at = 0; at < COUNT(of_disk); at++)
            add(record, of_disk[at], index, VIR_TYPED_PARAM_ULLONG, 9000000000ull + at);
    }
}

/* The parameters of a shape are made once: what is counted is the binding. */
static void describe(virDomainStatsRecordPtr record, int shape) {
    static virDomainStatsRecord made[64];
    virDomainStatsRecordPtr like = &made[shape % 64];
    int index;
    if (!like->params)
        fill(like, 1 + shape % 2, 2 + shape / 2 % 4, 4 + shape / 8);
    record->nparams = like->nparams;
    record->params = malloc(like->nparams * sizeof *record->params);
    memcpy(record->params, like->params, like->nparams * sizeof *record->params);
    for (index = 0; index < record->nparams; index++)
        if (record->params[index].type == VIR_TYPED_PARAM_STRING)
            record->params[index].value.s = strdup(record->params[index].value.s);
}

int virConnectGetAllDomainStats(virConnectPtr conn, unsigned int stats, virDomainStatsRecordPtr **list, unsigned int flags) {
    unsigned int index;
    *list = calloc(stats + 1, sizeof **list);
    for (index = 0; index < stats; index++) {
        int *domain = calloc(1, 64); /* as xt/stub/stub.h has objects */
        const int shape = flags ? (int)(index * 7 % flags) : 0;
        *domain = 1;
        (*list)[index] = calloc(1, sizeof ***list);
        (*list)[index]->dom = (virDomainPtr)domain;
        describe((*list)[index], shape);
    }
    return (int)stats;
}

void virDomainStatsRecordListFree(virDomainStatsRecordPtr *list) {
    size_t index;
    for (index = 0; list && list[index]; index++) {
        free(list[index]->dom);
        virTypedParamsFree(list[index]->params, list[index]->nparams);
        free(list[index]);
    }
    free(list);
}
