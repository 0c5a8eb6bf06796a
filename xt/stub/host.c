/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* A program that embeds perl, as mod_perl does: runs each argument as a script in an interpreter of its own, which it ends and
 * unloads the modules of, and then continues to use libvirt, whose event loop and errors must not refer to anything that was freed.
 *
 * host COUNT SCRIPT [URI]: COUNT interpreters, one after the other. */
#include <EXTERN.h>
#include <perl.h>
#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>

void boot_DynaLoader(pTHX_ CV *cv);

static void init(pTHX) { newXS("DynaLoader::boot_DynaLoader", boot_DynaLoader, __FILE__); }

static void nothing(int timer, void *opaque) {
    (void)opaque;
    virEventRemoveTimeout(timer);
}

/* Unloads what DynaLoader has loaded, as mod_perl does: its handles are in @DynaLoader::dl_librefs, until perl_destruct. */
static int run(const char *script) {
    PerlInterpreter *my_perl = perl_alloc();
    char *arguments[] = {"host", "-e", (char *)script, NULL};
    void *loaded[64];
    int count = 0, status, index;
    perl_construct(my_perl);
    PL_perl_destruct_level = 2;
    PL_exit_flags |= PERL_EXIT_DESTRUCT_END;
    status = perl_parse(my_perl, init, 3, arguments, NULL);
    if (!status)
        status = perl_run(my_perl);
    {
        AV *const librefs = get_av("DynaLoader::dl_librefs", 0);
        for (index = 0; librefs && index <= av_len(librefs) && count < 64; index++)
            loaded[count++] = INT2PTR(void *, SvIV(*av_fetch(librefs, index, 0)));
    }
    status |= perl_destruct(my_perl);
    perl_free(my_perl);
    while (count)
        dlclose(loaded[--count]);
    return status;
}

int main(int argc, char **argv, char **env) {
    int times = argc > 1 ? atoi(argv[1]) : 0, status = 0;
    virConnectPtr connection;
    PERL_SYS_INIT3(&argc, &argv, &env);
    while (times-- && !status)
        status = run(argv[2]);
    printf("interpreters: %d\n", status);
    fflush(stdout);

    /* libvirt reports an error, and runs what timers are left. */
    connection = virConnectOpen("none:///");
    printf("error: %s\n", !connection && virGetLastErrorCode() ? "yes" : "no");
    fflush(stdout);
    for (times = 0; times < 5; times++)
        if (virEventAddTimeout(0, nothing, NULL, NULL) >= 0)
            virEventRunDefaultImpl();
    connection = virConnectOpen("test:///default");
    printf("domains: %d\n", connection ? virConnectNumOfDomains(connection) : -1);
    if (connection)
        virConnectClose(connection);
    PERL_SYS_TERM();
    return status;
}
