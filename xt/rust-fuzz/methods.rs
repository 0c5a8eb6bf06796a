// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Calls the methods' bodies as the shim does, with arguments made of libFuzzer's bytes: of the kind that the parameter
//! asks for, which is all that the shim promises. Objects are those of the test driver, or closed ones.

#![no_main]

use libc::{c_char, c_void};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};

// The boundary, as perl/sysvirt.h has it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Value {
    tag: u8,
    class: u8,
    storage: u8,
    utf8: bool,
    capacity: u32,
    len: usize,
    data: u64,
}

#[repr(C)]
struct Param {
    name: *const c_char,
    kind: u8,
    class: u8,
    spaced: bool,
    default_text: *const c_char,
    fallback: i64,
}

#[repr(C)]
struct Method {
    name: *const c_char,
    params: *const Param,
    nparams: usize,
    mandatory: usize,
    flags: u8,
    body: extern "C" fn(*const Value, usize, *mut Value, *const c_char) -> u8,
}

#[repr(C)]
struct MethodRows {
    rows: *const Method,
    count: usize,
}

#[repr(C)]
struct ClassTable {
    class: u8,
    methods: *const MethodRows,
    nmethods: usize,
    constants: *const c_void,
    nconstants: usize,
    destroy: *const c_char,
}

#[repr(C)]
struct Callbacks {
    create: extern "C" fn(*mut c_void, *mut c_void) -> *mut c_void,
    named: extern "C" fn(*const c_char) -> *mut c_void,
    destroy: extern "C" fn(*mut c_void),
    call: extern "C" fn(*mut c_void, *mut Value, usize, u8, isize, Sink, *mut c_void) -> bool,
    park: extern "C" fn(*const c_char),
}

type Sink = extern "C" fn(*mut c_void, *const Value, usize, *const Value);

const NONE: Value = Value { tag: 0, class: 0, storage: 0, utf8: false, capacity: 0, len: 0, data: 0 };

mod tag {
    pub const INT: u8 = 1;
    pub const UINT: u8 = 2;
    pub const FLOAT: u8 = 3;
    pub const TEXT: u8 = 4;
    pub const BYTES: u8 = 5;
    pub const HANDLE: u8 = 7;
    pub const ARRAY: u8 = 10;
    pub const MAP: u8 = 11;
    pub const REF: u8 = 12;
    pub const CODE: u8 = 13;
    pub const OTHER: u8 = 16;
}

/// What is left of the input, and what the values made of it point to.
struct Maker<'a> {
    data: &'a [u8],
    strings: Vec<Box<[u8]>>,
    lists: Vec<Box<[Value]>>,
}

/// Names that some method looks for, so that not all of them have to be found by chance.
const WORDS: &[&str] = &[
    "test",
    "default",
    "default-pool",
    "eth1",
    "computer",
    "name",
    "xml",
    "uuid",
    "uri",
    "connection",
    "credlist",
    "callback",
    "auth",
    "readonly",
    "flags",
    "domain",
    "network",
    "pool",
    "weight",
    "cap",
    "bandwidth",
    "migrate_disks",
    "destination_xml",
    "vcpu_quota",
    "hard_limit",
    "<domain type='test'><name>f</name><memory>9</memory><os><type>hvm</type></os></domain>",
    "<domainsnapshot/>",
    "<volume><name>v</name><capacity>1</capacity></volume>",
    "<x/>",
    "6695eb01-f6a4-8304-79aa-97f2502e193f",
    "nocreate",
    "fds",
    "id",
    "usageID",
    "usageType",
    "total_bytes_sec",
    "inbound.average",
    "result",
    "clone",
    "volume",
    "key",
];

impl<'a> Maker<'a> {
    fn byte(&mut self) -> u8 {
        self.data.split_off_first().copied().unwrap_or(0)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte());
        if length > 200 {
            return WORDS[usize::from(self.byte()) % WORDS.len()].into();
        }
        let taken = self.data.len().min(length);
        let (bytes, rest) = self.data.split_at(taken);
        self.data = rest;
        bytes.to_vec()
    }

    fn kept(&mut self, tag: u8, mut bytes: Vec<u8>) -> Value {
        let len = bytes.len();
        bytes.push(0);
        let bytes = bytes.into_boxed_slice();
        // Bytes have no NUL behind them that anybody may count on: then AddressSanitizer sees a read beyond the end.
        let bytes = if tag == tag::BYTES { Box::from(&bytes[..len]) } else { bytes };
        let data = bytes.as_ptr() as u64;
        self.strings.push(bytes);
        Value { tag, len, data, ..NONE }
    }

    fn text(&mut self, path: bool) -> Value {
        let bytes = self.bytes();
        let mut bytes = if path { bytes } else { String::from_utf8_lossy(&bytes).into_owned().into_bytes() };
        bytes.retain(|&byte| byte != 0);
        if bytes.first() != Some(&b'<') {
            bytes.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
        }
        self.kept(tag::TEXT, bytes)
    }

    fn number(&mut self) -> Value {
        let kind = self.byte();
        let mut wide = [0; 8];
        wide.fill_with(|| self.byte());
        let wide = u64::from_le_bytes(wide);
        match kind % 8 {
            0 => Value { tag: tag::INT, data: wide, ..NONE },
            1 => Value { tag: tag::UINT, data: wide, ..NONE },
            2 => Value { tag: tag::FLOAT, data: wide, ..NONE },
            _ => Value { tag: tag::INT, data: u64::from(kind / 8 % 4), ..NONE },
        }
    }

    fn handle(&mut self, class: u8) -> Value {
        let open = self.byte() < 240;
        let pointer =
            WORLD.with_borrow(|world| world.objects.get(&class).map_or(0, |pointer| *pointer as u64));
        Value { tag: tag::HANDLE, class, len: 64, data: if open { pointer } else { 0 }, ..NONE }
    }

    fn list(&mut self, tag: u8, depth: u8) -> Value {
        let count = usize::from(self.byte() % 6) * if tag == tag::MAP { 2 } else { 1 };
        let mut items: Vec<Value> = Vec::new();
        for index in 0..if tag == tag::REF { 1 } else { count } {
            let item = if tag == tag::MAP && index % 2 == 0 { self.any_text() } else { self.any(depth + 1) };
            items.push(item);
        }
        let items = items.into_boxed_slice();
        let value = Value { tag, len: items.len(), data: items.as_ptr() as u64, ..NONE };
        self.lists.push(items);
        value
    }

    /// A string as it is in Perl: any bytes, or UTF-8 that is marked so.
    fn any_text(&mut self) -> Value {
        let utf8 = self.byte() % 4 == 0;
        let bytes = self.bytes();
        let bytes = if utf8 { String::from_utf8_lossy(&bytes).into_owned().into_bytes() } else { bytes };
        let slash = bytes.first() != Some(&b'<');
        let bytes = bytes.into_iter().map(|byte| if slash && byte == b'/' { b'_' } else { byte }).collect();
        Value { utf8, ..self.kept(tag::TEXT, bytes) }
    }

    fn any(&mut self, depth: u8) -> Value {
        match self.byte() % if depth > 4 { 8 } else { 12 } {
            0 => NONE,
            1 => Value { tag: tag::OTHER, ..NONE },
            2 => Value { tag: tag::CODE, data: 64, ..NONE },
            3 => {
                let class = self.byte() % 15;
                self.handle(class)
            }
            4 | 5 => self.any_text(),
            6 | 7 => self.number(),
            8 | 9 => self.list(tag::ARRAY, depth),
            10 => self.list(tag::MAP, depth),
            _ => self.list(tag::REF, depth),
        }
    }

    fn argument(&mut self, param: &Param, optional: bool) -> Value {
        if optional && self.byte() < 60 {
            let left_out = param.fallback == i64::MIN;
            return if left_out {
                NONE
            } else {
                Value { tag: tag::INT, data: param.fallback as u64, ..NONE }
            };
        }
        // The order of `Kind`.
        match param.kind {
            0 => self.number(),
            1 => self.text(false),
            2 | 3 if self.byte() < 60 => NONE,
            2 => self.text(false),
            3 => self.text(true),
            5 if self.byte() < 60 => NONE,
            4 | 5 => {
                let bytes = self.bytes();
                self.kept(tag::BYTES, bytes)
            }
            7 if self.byte() < 60 => NONE,
            6 | 7 => self.handle(param.class),
            8 => self.list(tag::MAP, 0),
            10 if self.byte() < 60 => NONE,
            9 | 10 => self.list(tag::ARRAY, 0),
            11 => Value { tag: tag::CODE, data: 64, ..NONE },
            12 => self.any(0),
            15 => self.list(tag::MAP, 0),
            _ => NONE,
        }
    }
}

/// What the methods are called on; made anew now and then, since they change it.
struct World {
    objects: BTreeMap<u8, *mut c_void>,
    answers: Vec<u8>,
}

thread_local! {
    static WORLD: RefCell<World> =
        const { RefCell::new(World { objects: BTreeMap::new(), answers: Vec::new() }) };
}

/// How many callbacks exist: each must be freed once.
static ALIVE: AtomicIsize = AtomicIsize::new(0);

extern "C" fn create(code: *mut c_void, _owner: *mut c_void) -> *mut c_void {
    assert!(!code.is_null(), "a callback without code");
    ALIVE.fetch_add(1, Ordering::Relaxed);
    Box::into_raw(Box::new(0_u64)).cast()
}

extern "C" fn named(_name: *const c_char) -> *mut c_void {
    std::ptr::null_mut()
}

extern "C" fn destroy(callback: *mut c_void) {
    ALIVE.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: `create` made it; a second time is what AddressSanitizer is to find.
    drop(unsafe { Box::from_raw(callback.cast::<u64>()) });
}

/// A sub that returns anything, or dies.
extern "C" fn call(
    callback: *mut c_void,
    _args: *mut Value,
    _count: usize,
    _want: u8,
    _readback: isize,
    sink: Sink,
    context: *mut c_void,
) -> bool {
    // SAFETY: `create` made it. It is still there, or AddressSanitizer says so.
    unsafe { *callback.cast::<u64>() += 1 };
    let answers = WORLD.with_borrow_mut(|world| std::mem::take(&mut world.answers));
    let mut maker = Maker { data: &answers, strings: Vec::new(), lists: Vec::new() };
    if maker.byte() < 30 {
        return false;
    }
    let returned: Vec<Value> = (0..maker.byte() % 4).map(|_| maker.any(0)).collect();
    let readback = maker.any(0);
    sink(context, returned.as_ptr(), returned.len(), &readback);
    true
}

extern "C" fn park(_message: *const c_char) {}

static CALLBACKS: Callbacks = Callbacks { create, named, destroy, call, park };

/// What waits for events, or makes a loop that has no sub behind it.
const LEFT_OUT: &[&str] = &["Sys::Virt::Event::run_default", "Sys::Virt::Event::_register_impl"];

fn name(method: &Method) -> &str {
    // SAFETY: a literal of the table's.
    unsafe { std::ffi::CStr::from_ptr(method.name) }.to_str().unwrap_or("?")
}

fn methods() -> &'static [&'static Method] {
    struct All(Vec<&'static Method>);
    // SAFETY: constants.
    unsafe impl Send for All {}
    // SAFETY: constants.
    unsafe impl Sync for All {}
    static ALL: OnceLock<All> = OnceLock::new();
    &ALL.get_or_init(|| {
        let mut count = 0;
        // SAFETY: the tables are constants, of the layout above; the callbacks live for ever.
        unsafe {
            let callbacks = &*(&raw const CALLBACKS).cast();
            assert!(sysvirt::sysvirt_start(callbacks), "libvirt cannot be initialized");
            virt_event_loop();
            let tables =
                std::slice::from_raw_parts(sysvirt::sysvirt_classes(&mut count).cast::<ClassTable>(), count);
            let rows =
                tables.iter().flat_map(|table| std::slice::from_raw_parts(table.methods, table.nmethods));
            let all = rows.flat_map(|rows| std::slice::from_raw_parts(rows.rows, rows.count));
            All(all.filter(|method| !LEFT_OUT.contains(&name(method))).collect())
        }
    })
    .0
}

unsafe extern "C" {
    fn virEventRegisterDefaultImpl() -> i32;
}

fn virt_event_loop() {
    // SAFETY: may be called at any time.
    unsafe { virEventRegisterDefaultImpl() };
}

/// The object that a method returns, which becomes ours.
fn made_by(wanted: &str, args: &[Value]) -> *mut c_void {
    let Some(method) = methods().iter().find(|method| name(method) == wanted) else {
        return std::ptr::null_mut();
    };
    let mut args = args.to_vec();
    args.resize(method.nparams, Value { tag: tag::INT, ..NONE });
    let mut result = NONE;
    let outcome = (method.body)(args.as_ptr(), args.len(), &mut result, method.name);
    if outcome == 0 && result.tag == tag::HANDLE {
        return result.data as *mut c_void;
    }
    // SAFETY: a result that nobody else drops.
    unsafe { sysvirt::sysvirt_drop((&raw mut result).cast()) };
    std::ptr::null_mut()
}

fn literal(text: &'static std::ffi::CStr) -> Value {
    Value { tag: tag::TEXT, len: text.count_bytes(), data: text.as_ptr() as u64, ..NONE }
}

fn renew() {
    let old = WORLD.with_borrow_mut(|world| std::mem::take(&mut world.objects));
    for (class, pointer) in old.iter().rev() {
        // SAFETY: our own reference to an object of that class; `Class` is a number like any.
        unsafe { sysvirt::sysvirt_release(std::mem::transmute_copy(class), *pointer) };
    }
    let mut objects = BTreeMap::new();
    let con = made_by("Sys::Virt::_open", &[literal(c"test:///default")]);
    let object =
        |class: u8, pointer: *mut c_void| Value { tag: tag::HANDLE, class, data: pointer as u64, ..NONE };
    let of = object(1, con);
    let domain = made_by("Sys::Virt::Domain::_lookup_by_name", &[of, literal(c"test")]);
    let pool = made_by("Sys::Virt::StoragePool::_lookup_by_name", &[of, literal(c"default-pool")]);
    let volume = literal(c"<volume><name>v</name><capacity>1</capacity></volume>");
    for (class, pointer) in [
        (1, con),
        (2, domain),
        (
            3,
            made_by(
                "Sys::Virt::DomainSnapshot::_create_xml",
                &[object(2, domain), literal(c"<domainsnapshot/>")],
            ),
        ),
        (5, made_by("Sys::Virt::Interface::_lookup_by_name", &[of, literal(c"eth1")])),
        (6, made_by("Sys::Virt::Network::_lookup_by_name", &[of, literal(c"default")])),
        (8, made_by("Sys::Virt::NodeDevice::_lookup_by_name", &[of, literal(c"computer")])),
        (12, pool),
        (13, made_by("Sys::Virt::StorageVol::_create_xml", &[object(12, pool), volume])),
        (14, made_by("Sys::Virt::Stream::_new_obj", &[of])),
    ] {
        if !pointer.is_null() {
            objects.insert(class, pointer);
        }
    }
    WORLD.with_borrow_mut(|world| world.objects = objects);
}

fuzz_target!(|data: &[u8]| {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    if CALLS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2_000) {
        renew();
    }
    let mut maker = Maker { data, strings: Vec::new(), lists: Vec::new() };
    let number = usize::from(maker.byte()) << 8 | usize::from(maker.byte());
    let method = methods()[number % methods().len()];
    // SAFETY: the table's own parameters.
    let params = unsafe { std::slice::from_raw_parts(method.params, method.nparams) };
    let mut args = Vec::new();
    for (index, param) in params.iter().enumerate() {
        args.push(maker.argument(param, index >= method.mandatory));
    }
    WORLD.with_borrow_mut(|world| world.answers = maker.data.to_vec());
    let mut result = NONE;
    let outcome = (method.body)(args.as_ptr(), args.len(), &mut result, method.name);
    assert!(outcome <= 2, "no outcome"); // a panic ends the process: libfuzzer-sys sees to that
    // SAFETY: a result that nobody else drops.
    unsafe { sysvirt::sysvirt_drop((&raw mut result).cast()) };
});
