/* SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl */
/* Streams as file handles. The script has one end of a socket pair, Rust threads serve the other. The bottom layer of the handle is
 * perl's own :unix except for three things: closing waits for the stream's end and fails if that is an error, reading reports an
 * error at the end of the data, and nothing is written after the stream has ended. If a handle is dropped instead of closed, magic
 * notices that: it is freed before perl closes the file. */

#include "stream.h"
#include <pthread.h>
#include <sys/socket.h>

/* Behind the data of the layer below: the number of the pump, how many milliseconds closing waits at most (0: forever), and
 * whether closing ends the stream. */
typedef struct {
    uint64_t pump;
    uint32_t limit;
    bool ends;
} extra;

#define LAYER "Sys_Virt_Stream"
#define SLICE 20 /* the time until a signal's handler runs */

/* perl's own layer with our functions in it, and perl's own: of all interpreters. */
static PerlIO_funcs table;
static const PerlIO_funcs *below;

static extra get_extra(PerlIO *f) {
    extra found;
    Copy((const char *)PerlIOBase(f) + below->size, &found, sizeof found, char);
    return found;
}

static void set_extra(PerlIO *f, extra what) { Copy(&what, (char *)PerlIOBase(f) + below->size, sizeof what, char); }

static bool has_failed(PerlIO *f) {
    const extra of = get_extra(f);
    const sysvirt_PumpState state = of.pump ? sysvirt_pump_state(of.pump) : SYSVIRT_PUMP_STATE_NONE;
    return state == SYSVIRT_PUMP_STATE_FAILED || state == SYSVIRT_PUMP_STATE_GONE;
}

static SSize_t layer_read(pTHX_ PerlIO *f, void *buffer, Size_t count) {
    SSize_t got = below->Read(aTHX_ f, buffer, count);
    if (got <= 0 && count && PerlIOValid(f) && has_failed(f)) {
        PerlIOBase(f)->flags = (PerlIOBase(f)->flags & ~(U32)PERLIO_F_EOF) | PERLIO_F_ERROR;
        SETERRNO(EIO, SS_IVCHAN);
        got = -1;
    }
    return got;
}

static SSize_t layer_write(pTHX_ PerlIO *f, const void *buffer, Size_t count) {
    if (has_failed(f)) {
        PerlIOBase(f)->flags |= PERLIO_F_ERROR;
        SETERRNO(EIO, SS_IVCHAN);
        return -1;
    }
    return below->Write(aTHX_ f, buffer, count);
}

/* Waits for the stream's end: 0, or the number of the error. Signal handlers run during the wait; one may close the handle. */
static int wait_for_end(pTHX_ PerlIO *f, extra of) {
    uint32_t waited = 0;
    for (;;) {
        switch (sysvirt_pump_wait(of.pump, SLICE)) {
        case SYSVIRT_PUMP_STATE_FAILED:
            return EIO;
        case SYSVIRT_PUMP_STATE_OVER:
        case SYSVIRT_PUMP_STATE_NONE:
            return 0;
        default:
            break;
        }
        waited += SLICE;
        if (of.limit && waited >= of.limit) {
            sysvirt_pump_end(of.pump, FALSE);
            return ETIMEDOUT;
        }
        if (private_signal_waits(aTHX) && !private_run_handlers(aTHX_ f))
            return EBADF;
    }
}

/* Ends the stream, if that is still to be done: 0, or the number of the error. */
static int end_stream(pTHX_ PerlIO *f, extra of) {
    const sysvirt_PumpState state = sysvirt_pump_state(of.pump);
    const bool finish = state != SYSVIRT_PUMP_STATE_FAILED && PL_phase != PERL_PHASE_DESTRUCT;
    if (state == SYSVIRT_PUMP_STATE_NONE)
        return 0; /* it belongs to the parent process */
    if (state == SYSVIRT_PUMP_STATE_GONE)
        return EIO; /* without waiting */
    sysvirt_pump_end(of.pump, finish);
    if (PL_phase == PERL_PHASE_DESTRUCT)
        return EIO;
    if (finish)
        shutdown((int)below->Fileno(aTHX_ f), SHUT_RDWR);
    return wait_for_end(aTHX_ f, of);
}

static IV layer_close(pTHX_ PerlIO *f) {
    const extra of = get_extra(f);
    const int error = of.pump && of.ends ? end_stream(aTHX_ f, of) : 0;
    const IV code = error == EBADF ? -1 : below->Close(aTHX_ f);
    if (!error)
        return code;
    SETERRNO(error, SS_IVCHAN);
    return -1;
}

static IV layer_popped(pTHX_ PerlIO *f) {
    const extra of = get_extra(f), none = {0, 0, FALSE};
    if (of.pump) {
        set_extra(f, none);
        sysvirt_pump_known(of.pump, FALSE);
    }
    return below->Popped ? below->Popped(aTHX_ f) : 0;
}

/* The scalar of the file is freed, and the script has not closed the file. */
static int file_free(pTHX_ SV *sv, MAGIC *magic) {
    uint64_t *pump = (uint64_t *)(void *)magic->mg_ptr;
    PERL_UNUSED_CONTEXT;
    PERL_UNUSED_ARG(sv);
    if (pump) {
        if (sysvirt_pump_state(*pump) != SYSVIRT_PUMP_STATE_OVER)
            sysvirt_pump_end(*pump, FALSE);
        sysvirt_pump_known(*pump, FALSE);
        Safefree(pump);
        magic->mg_ptr = NULL;
    }
    return 0;
}

/* A thread's copy of the handle is only a copy of the descriptor. */
static const MGVTBL file_table = {.svt_free = file_free, SYSVIRT_MAGIC_OF_ONE_THREAD};

/* Of perl's threads that open their first handles at once, one does it, and the others wait. */
static void fill_table(void) {
    dTHX;
    const PerlIO_funcs *const unix_layer = PerlIO_find_layer(aTHX_ "unix", 4, 0);
    if (!unix_layer)
        return;
    Copy(unix_layer, &table, 1, PerlIO_funcs);
    table.name = LAYER;
    table.size = unix_layer->size + sizeof(extra);
    table.Popped = layer_popped;
    table.Read = layer_read;
    table.Write = layer_write;
    table.Close = layer_close;
    below = unix_layer;
}

/* Makes the layer known to this interpreter. At the first handle: most scripts have none. */
static void define_layer(pTHX) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_table);
    if (!below)
        croak("Sys::Virt::Stream::handle: this perl has no layer :unix");
    if (!PerlIO_find_layer(aTHX_ LAYER, sizeof LAYER - 1, 0))
        PerlIO_define_layer(aTHX_ &table);
}

/* One side of the handle; takes over nothing. NULL if there can be none. */
static PerlIO *opened(pTHX_ const char *mode, int fd, extra of) {
    PerlIO *f = PerlIO_openn(aTHX_ ":" LAYER ":perlio", mode, fd, 0, 0, NULL, 0, NULL), *at;
    for (at = f; PerlIOValid(at); at = PerlIONext(at)) {
        if (PerlIOBase(at)->tab == &table) {
            set_extra(at, of);
            sysvirt_pump_known(of.pump, TRUE);
            return f;
        }
    }
    if (f)
        (void)PerlIO_close(f);
    return NULL;
}

/* _handle_glob($pump, $limit): the handle of a pump, which has not been taken yet. */
XS_INTERNAL(handle_glob) {
    dXSARGS;
    extra of = {0, 0, TRUE};
    sysvirt_PumpEnd end;
    GV *gv;
    IO *io;
    SV *handle;
    uint64_t *pump;
    PERL_UNUSED_VAR(cv);
    if (items != 2)
        croak("Usage: Sys::Virt::Stream::_handle_glob(pump, limit)");
    of.pump = (uint64_t)SvUV(ST(0));
    of.limit = (uint32_t)SvUV(ST(1));
    define_layer(aTHX);
    end = sysvirt_pump_take(of.pump);
    if (end.fd < 0)
        croak("Sys::Virt::Stream::_handle_glob: there is no such stream");
    gv = (GV *)newSV(0);
    handle = sv_2mortal(newRV_noinc((SV *)gv));
    gv_init(gv, gv_stashpvs("Sys::Virt::Stream", GV_ADD), "handle", 6, TRUE);
    io = GvIOn(gv);
    Newx(pump, 1, uint64_t);
    *pump = of.pump;
    sv_magicext((SV *)io, NULL, PERL_MAGIC_ext, &file_table, (const char *)pump, 0)->mg_flags |= MGf_DUP;
    if (end.writes)
        IoOFP(io) = opened(aTHX_ "w", end.fd, of);
    if (end.reads) {
        of.ends = !end.writes;
        IoIFP(io) = opened(aTHX_ "r", end.fd, of);
    } else {
        IoIFP(io) = IoOFP(io);
    }
    IoTYPE(io) = end.reads && end.writes ? IoTYPE_SOCKET : end.reads ? IoTYPE_RDONLY : IoTYPE_WRONLY;
    if (!IoIFP(io) || (end.writes && !IoOFP(io))) {
        const int error = errno;
        if (!IoIFP(io) && !IoOFP(io))
            (void)PerlLIO_close(end.fd);
        croak("Sys::Virt::Stream::handle: there is no file handle: %s", Strerror(error));
    }
    ST(0) = handle;
    XSRETURN(1);
}

void sysvirt_stream_boot(pTHX) { newXS("Sys::Virt::Stream::_handle_glob", handle_glob, __FILE__); }
