// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Calls the methods' bodies as the shim does, with arguments made of libFuzzer's bytes: all that perl/arguments.c can make of
//! Perl's values, and no more, for that is what it promises. Objects are those of the test driver, or closed ones.

#![no_main]

use libc::{c_char, c_int, c_void};
use libfuzzer_sys::fuzz_target;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::mem::{MaybeUninit, offset_of};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use sysvirt::harness::{
    ARGS_MAX, Callbacks, Class, Field, Kind, Method, Others, Outcome, Param, Shape, Sink, Storage, Tag, Value, Want,
};

/// A [`Value`] as C sees it: its constructors promise more than the shim does.
#[repr(C)]
#[derive(Clone, Copy)]
struct Raw {
    tag: Tag,
    class: Class,
    storage: Storage,
    utf8: bool,
    capacity: u32,
    len: usize,
    data: u64,
}

// The one structure that is written down twice.
const _: () = {
    assert!(size_of::<Raw>() == size_of::<Value>() && align_of::<Raw>() == align_of::<Value>());
    let offsets = [
        offset_of!(Raw, tag),
        offset_of!(Raw, class),
        offset_of!(Raw, storage),
        offset_of!(Raw, utf8),
        offset_of!(Raw, capacity),
        offset_of!(Raw, len),
        offset_of!(Raw, data),
    ];
    let mut index = 0;
    while index < offsets.len() {
        assert!(offsets[index] == Value::OFFSETS[index]);
        index += 1;
    }
};

const NONE: Raw = Raw {
    tag: Tag::None,
    class: Class::None,
    storage: Storage::Borrowed,
    utf8: false,
    capacity: 0,
    len: 0,
    data: 0,
};

/// The content of a field that the shim need not set.
const JUNK: u32 = 0xdead_beef;
/// Perl's pointers, which nobody here follows: a sub, the SV that an object came in, a package.
const CODE: u64 = 64;
const ORIGIN: usize = 128;
const STASH: u64 = 192;

thread_local! {
    /// What is left of the input, from its end: first a call's arguments are made of it, then what subs do and return.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// What the methods are called on; created again now and then, because they change it.
    static OBJECTS: RefCell<Vec<(Class, *mut c_void)>> = const { RefCell::new(Vec::new()) };
}

fn byte() -> u8 {
    INPUT.with_borrow_mut(|input| input.pop().unwrap_or(0))
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

fn bytes() -> Vec<u8> {
    let length = usize::from(byte());
    if length > 200 {
        return WORDS[usize::from(byte()) % WORDS.len()].into();
    }
    let length = length.min(INPUT.with_borrow(Vec::len));
    (0..length).map(|_| byte()).collect()
}

/// UTF-8 as perl has it: what was none becomes a surrogate, which Rust would not allow.
fn utf8(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned().into_bytes();
    let mut at = text.as_slice();
    let mut result = Vec::new();
    while let Some((&first, rest)) = at.split_first() {
        if let Some(rest) = at.strip_prefix("\u{fffd}".as_bytes()) {
            result.extend(b"\xed\xa0\x80");
            at = rest;
        } else {
            result.push(first);
            at = rest;
        }
    }
    result
}

/// No path leads out of the working directory; but XML is XML.
fn without_slashes(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.first() != Some(&b'<') {
        bytes.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
    }
    bytes
}

/// An object of that class, if there is one, or a closed one.
fn handle(class: Class) -> Raw {
    let open = byte() < 240;
    let pointer =
        OBJECTS.with_borrow(|objects| objects.iter().find(|(of, _)| *of == class).map(|(_, at)| *at));
    let data = if open { pointer.map_or(0, |pointer| pointer as u64) } else { 0 };
    Raw { tag: Tag::Handle, class, len: ORIGIN, data, ..NONE }
}

fn number() -> Raw {
    let kind = byte();
    let (tag, data) = match kind % 8 {
        wide @ 0..3 => {
            let bytes = [(); 8].map(|()| byte());
            ([Tag::Int, Tag::Uint, Tag::Float][usize::from(wide)], u64::from_le_bytes(bytes))
        }
        3 => (Tag::Int, -i64::from(kind / 8) as u64),
        _ => (Tag::Int, u64::from(kind / 8 % 4)),
    };
    Raw { tag, data, len: JUNK as usize, ..NONE }
}

/// The number, or the least one if it is out of range.
fn within(shape: &Shape, number: Raw) -> Raw {
    let fits = match number.tag {
        Tag::Int if (number.data as i64) < 0 => number.data as i64 >= shape.min,
        Tag::Int | Tag::Uint => number.data <= shape.max,
        _ => false,
    };
    if fits { number } else { Raw { tag: Tag::Int, data: shape.min as u64, ..NONE } }
}

fn fields(shape: &Shape) -> &'static [Field] {
    // SAFETY: a constant of the table's.
    if shape.nfields == 0 { &[] } else { unsafe { std::slice::from_raw_parts(shape.fields, shape.nfields) } }
}

fn key(field: &Field) -> &'static CStr {
    // SAFETY: a literal of the table's.
    unsafe { CStr::from_ptr(field.key) }
}

/// Keeps what the values of one call point to.
#[derive(Default)]
struct Maker {
    strings: Vec<Box<[u8]>>,
    lists: Vec<Box<[Raw]>>,
}

impl Maker {
    fn kept(&mut self, tag: Tag, mut bytes: Vec<u8>) -> Raw {
        let len = bytes.len();
        // Bytes have no NUL behind them that anybody may count on: then AddressSanitizer sees a read beyond the end.
        if tag == Tag::Text {
            bytes.push(0);
        }
        let bytes = bytes.into_boxed_slice();
        let data = bytes.as_ptr() as u64;
        self.strings.push(bytes);
        Raw { tag, len, data, ..NONE }
    }

    /// A string for libvirt.
    fn text(&mut self, path: bool) -> Raw {
        let bytes = bytes();
        let mut bytes = if path { bytes } else { utf8(&bytes) };
        bytes.retain(|&byte| byte != 0);
        self.kept(Tag::Text, without_slashes(bytes))
    }

    fn items(&mut self, tag: Tag, items: Vec<Raw>) -> Raw {
        let items = items.into_boxed_slice();
        let data = if items.is_empty() { 0 } else { items.as_ptr() as u64 };
        let value = Raw { tag, len: items.len(), data, ..NONE };
        self.lists.push(items);
        value
    }

    /// A string and the number that it is, as `sysvirt_decode_scalar` has it.
    fn scalar(&mut self) -> Raw {
        let bad = |maker: &mut Self| maker.kept(Tag::Bad, b"is a reference".to_vec());
        let text = if byte() < 30 { bad(self) } else { self.text(false) };
        let number = if byte() < 30 { bad(self) } else { number() };
        let value = self.items(Tag::Scalar, vec![text, number]);
        Raw { utf8: byte() % 2 == 0, ..value }
    }

    /// Keys of a hash may be missing, and may come twice among the pairs of a list.
    fn map(&mut self, shape: &Shape) -> Raw {
        let fields = fields(shape);
        let mut items = Vec::new();
        for _ in 0..byte() % 6 {
            if !fields.is_empty() && byte() < 200 {
                let field = &fields[usize::from(byte()) % fields.len()];
                items.push(self.kept(Tag::Text, key(field).to_bytes().to_vec()));
                let bad = shape.kind == Kind::Pairs && byte() < 30;
                items.push(if bad { self.kept(Tag::Bad, b"x is bad".to_vec()) } else { self.shaped(&field.shape) });
            } else if shape.others == Others::Keep {
                items.push(self.text(false));
                items.push(if byte() < 30 { NONE } else { self.scalar() });
            }
        }
        if items.is_empty() && shape.kind == Kind::Hash && shape.others == Others::Warn && byte() < 60 {
            items = vec![self.text(false), Raw { tag: Tag::Other, ..NONE }];
        }
        self.items(Tag::Map, items)
    }

    /// What `sysvirt_decode_as` in perl/structure.c makes of a scalar, and `sysvirt_decode_plain` in perl/plain.h of a plain one.
    fn shaped(&mut self, shape: &Shape) -> Raw {
        if shape.optional && byte() < 60 {
            return NONE;
        }
        match shape.kind {
            Kind::Number | Kind::Descriptor => within(shape, number()),
            Kind::Float => Raw { tag: Tag::Float, ..number() },
            Kind::Truth => Raw { tag: Tag::Int, data: u64::from(byte() % 2), ..NONE },
            Kind::Text => self.text(false),
            Kind::Path => self.text(true),
            Kind::Bytes => self.kept(Tag::Bytes, bytes()),
            Kind::Scalar => self.scalar(),
            Kind::Handle => handle(shape.class),
            Kind::Code => Raw { tag: Tag::Code, data: CODE, ..NONE },
            Kind::Array => {
                let count = byte();
                let count = if count < 250 { count % 6 } else { (count - 249) * 16 };
                // SAFETY: an array's shape has that of its elements, a constant.
                let element = unsafe { &*shape.element };
                let items = (0..count).map(|_| self.shaped(element)).collect();
                self.items(Tag::Array, items)
            }
            Kind::Tuple => {
                let items = fields(shape).iter().map(|field| self.shaped(&field.shape)).collect();
                self.items(Tag::Array, items)
            }
            // SAFETY: not NULL, hence a constant.
            Kind::Hash if !shape.element.is_null() && byte() < 80 => self.shaped(unsafe { &*shape.element }),
            Kind::Hash | Kind::Pairs => self.map(shape),
            Kind::Any => match byte() % 5 {
                0 => NONE,
                1 => Raw { tag: Tag::Other, ..NONE },
                2 => handle(classes()[usize::from(byte()) % classes().len()]),
                3 => self.scalar(),
                _ => self.items(Tag::Ref, vec![number()]),
            },
            Kind::Invocant => Raw { data: STASH, len: JUNK as usize, ..NONE },
            Kind::Variable => NONE,
        }
    }

    fn argument(&mut self, param: &Param) -> Raw {
        Raw { capacity: JUNK, ..self.shaped(&param.field.shape) }
    }

    /// The arguments of a call; of those that have a default, the last ones may be left out.
    fn arguments(&mut self, params: &[Param]) -> Vec<Raw> {
        let mut left_out = false;
        let mut arguments = Vec::new();
        for param in params {
            left_out = left_out || (!param.default_text.is_null() && byte() < 60);
            arguments.push(if left_out { absent(param) } else { self.argument(param) });
        }
        arguments
    }
}

fn absent(param: &Param) -> Raw {
    // SAFETY: of the same layout; it owns nothing.
    unsafe { (&raw const param.absent).cast::<Raw>().read() }
}

/// Looks at all that the shim looks at when it makes scalars of a value (perl/results.c), so that AddressSanitizer does too.
/// Objects are taken over, to be given back when all is done.
fn build(value: &mut Raw, objects: &mut Vec<(Class, *mut c_void)>) {
    let items = match value.tag {
        Tag::List | Tag::CountedList | Tag::Array | Tag::Map | Tag::Ref | Tag::Warned if value.len > 0 => {
            // SAFETY: what the boundary promises, and AddressSanitizer is to check.
            unsafe { std::slice::from_raw_parts_mut(value.data as *mut Raw, value.len) }
        }
        _ => &mut [],
    };
    match value.tag {
        Tag::Text | Tag::Bytes | Tag::Key => look(value),
        Tag::Handle => objects.push((value.class, std::mem::take(&mut value.data) as *mut c_void)),
        Tag::Owner => {
            // SAFETY: as above.
            unsafe { sysvirt::sysvirt_retain(value.class, value.data as *mut c_void) };
            objects.push((value.class, value.data as *mut c_void));
        }
        Tag::Map => {
            for pair in items.chunks_exact_mut(2) {
                assert!(matches!(pair[0].tag, Tag::Text | Tag::Bytes | Tag::Key), "a key of another kind");
                look(&pair[0]);
                build(&mut pair[1], objects);
            }
        }
        Tag::Ref => assert!(items.len() == 1, "a reference to nothing"),
        Tag::OutArg => panic!("an assignment within a value"),
        _ => {}
    }
    if value.tag != Tag::Map {
        items.iter_mut().for_each(|item| build(item, objects));
    }
}

/// Reads a string.
fn look(value: &Raw) {
    // SAFETY: of the same layout.
    let text = unsafe { &*(&raw const *value).cast::<Value>() }.raw();
    std::hint::black_box(text.iter().fold(0, |sum, byte| sum ^ byte));
}

/// Whether there is a sub among the arguments.
fn has_code(values: &[Raw]) -> bool {
    values.iter().any(|value| value.tag == Tag::Code || has_code(items(value)))
}

/// Takes one more reference to each object among the arguments.
fn hold(values: &[Raw], held: &mut Vec<(Class, *mut c_void)>) {
    for value in values {
        if value.tag == Tag::Handle {
            let object = value.data as *mut c_void;
            // SAFETY: NULL or one of ours.
            unsafe { sysvirt::sysvirt_retain(value.class, object) };
            held.push((value.class, object));
        }
        hold(items(value), held);
    }
}

/// What an argument holds.
fn items(value: &Raw) -> &[Raw] {
    match value.tag {
        Tag::Array | Tag::Map | Tag::Ref | Tag::Scalar if value.len > 0 => {
            // SAFETY: so a `Maker` has made it, which lives as long as the arguments.
            unsafe { std::slice::from_raw_parts(value.data as *const Raw, value.len) }
        }
        _ => &[],
    }
}

fn give_back(objects: Vec<(Class, *mut c_void)>) {
    for (class, object) in objects {
        // SAFETY: a reference that was given to us.
        unsafe { sysvirt::sysvirt_release(class, object) };
    }
}

/// What stands for a sub. AddressSanitizer finds what uses it too late or frees it twice, and at the end of the process
/// what never does.
struct Sub {
    calls: Cell<u64>,
}

unsafe extern "C" fn create(code: *mut c_void, owner: *mut c_void, _anytime: bool) -> *mut c_void {
    assert!(code as u64 == CODE, "a callback without code");
    assert!(owner.is_null() || owner as usize == ORIGIN, "a callback on no object");
    Box::into_raw(Box::new(Sub { calls: Cell::new(0) })).cast()
}

unsafe extern "C" fn named(_name: *const c_char) -> *mut c_void {
    std::ptr::null_mut()
}

unsafe extern "C" fn destroy(callback: *mut c_void) {
    // SAFETY: `create` made it.
    drop(unsafe { Box::from_raw(callback.cast::<Sub>()) });
}

/// A sub that calls a method, closes all objects or does nothing, and returns anything, or dies: so at the latest when the
/// input is used up.
unsafe extern "C" fn call(
    callback: *mut c_void,
    args: *mut Value,
    count: usize,
    want: Want,
    returned: *const Field,
    readback: isize,
    read: *const Field,
    sink: Sink,
    context: *mut c_void,
) -> bool {
    // SAFETY: `create` made it; it may go while it runs, but not before.
    let calls = unsafe { &(*callback.cast::<Sub>()).calls };
    calls.set(calls.get() + 1);
    assert!(count <= ARGS_MAX, "too many arguments");
    assert!(usize::try_from(readback).is_ok_and(|at| at < count) || readback == -1, "no such argument");
    // SAFETY: an array of so many values, which are of the same layout.
    let args = unsafe { std::slice::from_raw_parts_mut(args.cast::<Raw>(), count) };
    let mut objects = Vec::new();
    args.iter_mut().for_each(|value| build(value, &mut objects));
    let choice = byte();
    match choice {
        30..70 => call_any(),
        70..73 => renew(),
        _ => {}
    }
    if choice >= 30 && want != Want::Nothing {
        let mut maker = Maker::default();
        let count = if want == Want::Scalar { 1 } else { byte() % 4 };
        // SAFETY: constants, where something is wanted.
        let returned = unsafe { &(*returned).shape };
        let returned: Vec<Raw> = (0..count).map(|_| maker.shaped(returned)).collect();
        // SAFETY: as above.
        let readback = if readback < 0 { NONE } else { maker.shaped(unsafe { &(*read).shape }) };
        // SAFETY: as many values as are told, and one; the context came with the sink.
        unsafe { sink(context, returned.as_ptr().cast(), returned.len(), (&raw const readback).cast()) };
    }
    give_back(objects);
    choice >= 30
}

unsafe extern "C" fn defer(message: *const c_char) {
    // SAFETY: a C string.
    std::hint::black_box(unsafe { CStr::from_ptr(message) }.count_bytes());
}

unsafe extern "C" fn place(_callback: *mut c_void) -> i32 {
    1
}

extern "C" fn queue() -> usize {
    0
}

extern "C" fn count_signals(_lowered: bool) {}

static CALLBACKS: Callbacks = Callbacks { create, named, destroy, call, place, queue, defer, count_signals };

fn name(method: &Method) -> &'static CStr {
    // SAFETY: a literal of the table's.
    unsafe { CStr::from_ptr(method.name) }
}

fn params(method: &Method) -> &'static [Param] {
    // SAFETY: a constant of the table's.
    unsafe { std::slice::from_raw_parts(method.params, method.nparams) }
}

/// The tables, as perl/boot.c goes through them: all methods, and all classes that have objects.
fn tables() -> &'static (Vec<&'static Method>, Vec<Class>) {
    static TABLES: OnceLock<(Vec<&'static Method>, Vec<Class>)> = OnceLock::new();
    TABLES.get_or_init(|| {
        assert!(sysvirt::sysvirt_start(&CALLBACKS), "libvirt cannot be initialized");
        let mut count = 0;
        // SAFETY: the tables are constants.
        let (tables, methods) = unsafe {
            let tables = std::slice::from_raw_parts(sysvirt::sysvirt_classes(&mut count), count);
            let files =
                tables.iter().flat_map(|table| std::slice::from_raw_parts(table.methods, table.nmethods));
            (tables, files.flat_map(|file| std::slice::from_raw_parts(file.rows, file.count)).collect())
        };
        let with_objects = tables.iter().filter(|table| !table.destroy.is_null());
        (methods, with_objects.map(|table| table.class).collect())
    })
}

fn methods() -> &'static [&'static Method] {
    &tables().0
}

fn classes() -> &'static [Class] {
    &tables().1
}

unsafe extern "C" {
    fn virEventAddTimeout(
        frequency: c_int,
        callback: extern "C" fn(c_int, *mut c_void),
        opaque: *mut c_void,
        free: Option<extern "C" fn(*mut c_void)>,
    ) -> c_int;
    fn virEventRemoveTimeout(timer: c_int) -> c_int;
    fn virEventRemoveHandle(watch: c_int) -> c_int;
    fn virEventAddHandle(
        fd: c_int,
        events: c_int,
        callback: extern "C" fn(c_int, c_int, c_int, *mut c_void),
        opaque: *mut c_void,
        free: Option<extern "C" fn(*mut c_void)>,
    ) -> c_int;
}

/// Calls a method and does with what it returns what the shim does; or hands over what it has made.
fn call_with(method: &Method, args: &[Raw], mut made: Option<&mut Raw>) {
    let mut result = MaybeUninit::<Raw>::uninit();
    // SAFETY: a value for each parameter, of its kind, and room for the result.
    let outcome = unsafe { (method.body)(args.as_ptr().cast(), result.as_mut_ptr().cast()) };
    // SAFETY: every outcome has a result.
    let result = unsafe { result.assume_init_mut() };
    let mut objects = Vec::new();
    match (outcome, result.tag) {
        (Outcome::Done, Tag::Handle) if made.is_some() => {
            if let Some(made) = made.take() {
                *made = *result;
            }
            return;
        }
        (Outcome::Done, Tag::OutArg) => {
            // SAFETY: so many values.
            let items = unsafe { std::slice::from_raw_parts_mut(result.data as *mut Raw, result.len) };
            let [index, content, returned] = items else { panic!("an assignment of {} values", result.len) };
            assert!(
                params(method)[index.data as usize].field.shape.kind == Kind::Variable,
                "an assignment to no variable"
            );
            assert!(matches!(content.tag, Tag::None | Tag::Text | Tag::Bytes), "an assignment of no string");
            look(content);
            build(returned, &mut objects);
        }
        (Outcome::Error, _) => {
            assert!(result.tag == Tag::Map && result.class == Class::Error, "an exception of another kind");
            build(result, &mut objects);
        }
        (Outcome::Usage, _) => {
            assert!(matches!(result.tag, Tag::Text | Tag::Bytes), "an invalid message");
            look(result);
        }
        (Outcome::Done, _) => build(result, &mut objects),
    }
    // SAFETY: a result that nobody else drops.
    unsafe { sysvirt::sysvirt_drop((&raw mut *result).cast()) };
    give_back(objects);
}

/// Calls the method that the input names, with arguments made of what follows.
fn call_any() {
    let number = usize::from(byte()) << 8 | usize::from(byte());
    let method = methods()[number % methods().len()];
    let mut maker = Maker::default();
    let args = maker.arguments(params(method));
    // As the shim: the sub may close the objects that the method works on.
    let mut held = Vec::new();
    if has_code(&args) {
        hold(&args, &mut held);
    }
    if name(method) == c"Sys::Virt::Event::run_default" {
        // It would wait for something to happen.
        extern "C" fn nothing(_timer: c_int, _opaque: *mut c_void) {}
        // SAFETY: there is an event loop, and the function does nothing.
        let timer = unsafe { virEventAddTimeout(0, nothing, std::ptr::null_mut(), None) };
        call_with(method, &args, None);
        // SAFETY: as above. If a sub has removed it, that is an error that nobody looks at.
        unsafe { virEventRemoveTimeout(timer) };
    } else {
        call_with(method, &args, None);
    }
    give_back(held);
}

/// Calls the method of that name, with defaults for what is not given; NULL if it returns no object.
fn made(wanted: &CStr, given: &[Raw]) -> *mut c_void {
    let method = methods().iter().find(|method| name(method) == wanted).expect("a method of that name");
    let mut args = given.to_vec();
    args.extend(params(method)[given.len()..].iter().map(absent));
    let mut object = NONE;
    call_with(method, &args, Some(&mut object));
    object.data as *mut c_void
}

fn literal(text: &'static CStr) -> Raw {
    Raw { tag: Tag::Text, len: text.count_bytes(), data: text.as_ptr() as u64, ..NONE }
}

/// Gives the objects back and makes new ones, of all classes that the test driver has.
fn renew() {
    let old = OBJECTS.take();
    if let Some(&(class, con)) = old.iter().find(|(class, _)| *class == Class::Connect) {
        // As a script that closes its connection: what is registered on it keeps it otherwise.
        let con = Raw { tag: Tag::Handle, class, data: con as u64, len: ORIGIN, ..NONE };
        made(c"Sys::Virt::_deregister_all", &[con]);
    }
    give_back(old);
    forget_timers();
    let of = |class, pointer: *mut c_void| Raw {
        tag: Tag::Handle,
        class,
        data: pointer as u64,
        len: ORIGIN,
        ..NONE
    };
    let con = made(c"Sys::Virt::_open", &[literal(c"test:///default")]);
    assert!(!con.is_null(), "there is no test driver");
    let by_name = |wanted, name| made(wanted, &[of(Class::Connect, con), literal(name)]);
    let domain = by_name(c"Sys::Virt::Domain::_lookup_by_name", c"test");
    let pool = by_name(c"Sys::Virt::StoragePool::_lookup_by_name", c"default-pool");
    let snapshot = [of(Class::Domain, domain), literal(c"<domainsnapshot/>")];
    let volume =
        [of(Class::StoragePool, pool), literal(c"<volume><name>v</name><capacity>1</capacity></volume>")];
    let mut objects = vec![
        (Class::Domain, domain),
        (Class::DomainSnapshot, made(c"Sys::Virt::DomainSnapshot::_create_xml", &snapshot)),
        (Class::Interface, by_name(c"Sys::Virt::Interface::_lookup_by_name", c"eth1")),
        (Class::Network, by_name(c"Sys::Virt::Network::_lookup_by_name", c"default")),
        (Class::NodeDevice, by_name(c"Sys::Virt::NodeDevice::_lookup_by_name", c"computer")),
        (Class::StoragePool, pool),
        (Class::StorageVol, made(c"Sys::Virt::StorageVol::_create_xml", &volume)),
        (Class::Stream, made(c"Sys::Virt::Stream::_new_obj", &[of(Class::Connect, con)])),
        (Class::Connect, con),
    ];
    objects.retain(|(_, pointer)| !pointer.is_null());
    OBJECTS.set(objects);
}

/// Removes what calls have added to the event loop, which gets slow otherwise.
fn forget_timers() {
    static FIRST: [AtomicU64; 2] = [AtomicU64::new(1), AtomicU64::new(1)];
    extern "C" fn fired(_timer: c_int, _opaque: *mut c_void) {}
    extern "C" fn ready(_watch: c_int, _fd: c_int, _events: c_int, _opaque: *mut c_void) {}
    // SAFETY: there is an event loop, which numbers from 1; the functions do nothing; the connections are closed.
    unsafe {
        let last_timer = virEventAddTimeout(-1, fired, std::ptr::null_mut(), None);
        let last_watch = virEventAddHandle(0, 0, ready, std::ptr::null_mut(), None);
        for timer in FIRST[0].swap(last_timer as u64 + 1, Ordering::Relaxed) as c_int..=last_timer {
            virEventRemoveTimeout(timer);
        }
        for watch in FIRST[1].swap(last_watch as u64 + 1, Ordering::Relaxed) as c_int..=last_watch {
            virEventRemoveHandle(watch);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    if calls == 0 {
        made(c"Sys::Virt::Event::register_default", &[]);
    }
    if calls % 2_000 == 0 {
        INPUT.take();
        renew();
    }
    INPUT.set(data.iter().rev().copied().collect());
    call_any(); // a panic ends the process: libfuzzer-sys sees to that
});
