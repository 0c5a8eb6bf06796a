// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Values made of libFuzzer's bytes: all that perl/arguments.c can make of Perl's values, and no more.

use super::tables::classes;
use libc::c_void;
use std::cell::RefCell;
use std::ffi::CStr;
use std::mem::offset_of;
use sysvirt::harness::{Class, Field, Kind, Others, Param, Shape, Storage, Tag, Value};

/// A [`Value`] as C sees it: its constructors promise more than the shim does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Raw {
    pub tag: Tag,
    pub class: Class,
    pub storage: Storage,
    pub utf8: bool,
    pub capacity: u32,
    pub len: usize,
    pub data: u64,
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

pub const NONE: Raw = Raw {
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
pub const CODE: u64 = 64;
pub const ORIGIN: usize = 128;
pub const STASH: u64 = 192;

thread_local! {
    /// The unused part of the input, from its end: first it becomes a call's arguments, then the actions and results of callbacks.
    pub static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The objects that the methods are called on; created again now and then, because the methods change them.
    pub static OBJECTS: RefCell<Vec<(Class, *mut c_void)>> = const { RefCell::new(Vec::new()) };
}

pub fn byte() -> u8 {
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
pub struct Maker {
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
                items.push(if bad {
                    self.kept(Tag::Bad, b"x is bad".to_vec())
                } else {
                    self.shaped(&field.shape)
                });
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
    pub fn shaped(&mut self, shape: &Shape) -> Raw {
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
    pub fn arguments(&mut self, params: &[Param]) -> Vec<Raw> {
        let mut left_out = false;
        let mut arguments = Vec::new();
        for param in params {
            left_out = left_out || (!param.default_text.is_null() && byte() < 60);
            arguments.push(if left_out { absent(param) } else { self.argument(param) });
        }
        arguments
    }
}

pub fn absent(param: &Param) -> Raw {
    // SAFETY: of the same layout; it owns nothing.
    unsafe { (&raw const param.absent).cast::<Raw>().read() }
}

/// Whether there is a sub among the arguments.
pub fn has_code(values: &[Raw]) -> bool {
    values.iter().any(|value| value.tag == Tag::Code || has_code(items(value)))
}

/// Takes one more reference to each object among the arguments.
pub fn hold(values: &[Raw], held: &mut Vec<(Class, *mut c_void)>) {
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

/// The value of an argument.
fn items(value: &Raw) -> &[Raw] {
    match value.tag {
        Tag::Array | Tag::Map | Tag::Ref | Tag::Scalar if value.len > 0 => {
            // SAFETY: so a `Maker` has made it, which lives as long as the arguments.
            unsafe { std::slice::from_raw_parts(value.data as *const Raw, value.len) }
        }
        _ => &[],
    }
}
