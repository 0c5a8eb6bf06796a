# SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
"""The tasks of task-worker.pl, in Python: task-worker.py TASK URI [VOLUME FILE]."""
import re
import sys

import libvirt

task, uri, *args = sys.argv[1:]
total = 0
seen = 0


def ignore(opaque, error):
    """Keeps libvirt-python from printing each error."""


def start():
    pass


def check():
    global total
    for domain in conn.listAllDomains():
        if domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING:
            total += 1
        total += len(domain.name())


def monitor():
    global total
    for _ in range(5):
        for domain in conn.listAllDomains():
            info = domain.info()
            total += len(domain.name()) + len(domain.UUIDString())
            for cpu in domain.vcpus()[0]:
                total += info[1] + cpu[1]


def web():
    global total
    for _ in range(200):
        domain = conn.lookupByName("vm000007")
        info = domain.info()
        total += info[1] + info[3] + domain.isActive() + domain.ID()
        total += len(domain.UUIDString()) + len(domain.OSType()) + domain.schedulerParameters()["weight"]


def statistics():
    global total
    for _ in range(3):
        for domain, data in conn.getAllDomainStats(0):
            total += len(domain.name()) + len(data) + data["state.state"]


def xml():
    global total
    for domain in conn.listAllDomains():
        total += len(domain.XMLDesc())


def lookups():
    global total
    for number in range(1, 1001):
        try:
            total += conn.lookupByName("vm%06d" % number).ID()
        except libvirt.libvirtError as error:
            total += error.get_error_code()


def provision():
    global total
    for number in range(1, 201):
        domain = conn.defineXML(
            "<domain type='test'><name>new%d</name><memory>8192</memory><os><type>hvm</type></os></domain>" % number)
        domain.create()
        domain.setSchedulerParameters({"weight": 100})
        domain.setAutostart(1)
        domain.destroy()
        domain.undefine()
        total += 1


def happened(_conn, domain, event, _detail, _opaque):
    global total, seen
    total += len(domain.name()) if event else 0
    seen += 1


def events():
    domain = conn.lookupByName("vm000001")
    conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, happened, None)
    for number in range(1, 5001):
        domain.suspend()
        domain.resume()
        while seen < 2 * number:
            libvirt.virEventRunDefaultImpl()


def upload():
    global total
    volume, path = args
    stream = conn.newStream()
    with open(path, "rb", buffering=0) as file:
        conn.storageVolLookupByPath(volume).upload(stream, 0, 0)
        while data := file.read(262120):
            while data:
                sent = stream.send(data)
                data = data[sent:]
                total += sent
    stream.finish()


libvirt.registerErrorHandler(ignore, None)
if task == "events":
    libvirt.virEventRegisterDefaultImpl()
conn = libvirt.open(uri)
globals()[task]()
with open("/proc/self/status", encoding="ascii") as status, open("/proc/self/schedstat", encoding="ascii") as times:
    print(total, re.search(r"VmHWM:\s*(\d+)", status.read())[1], times.read().split()[0])
