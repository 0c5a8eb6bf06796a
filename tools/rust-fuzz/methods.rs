// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Calls the methods' bodies as the shim does, with arguments made of libFuzzer's bytes: all that perl/arguments.c can make of
//! Perl's values, and no more, for that is what it promises. Objects are those of the test driver, or closed ones.

#![no_main]

mod arguments;
mod perl;
mod results;
mod tables;

use arguments::{INPUT, Maker, NONE, OBJECTS, ORIGIN, Raw, absent, byte, has_code, hold};
use libc::{c_int, c_void};
use libfuzzer_sys::fuzz_target;
use results::{build, give_back, look};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use sysvirt::harness::{Class, Kind, Method, Outcome, Tag};
use tables::{methods, name, params};

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
            assert!(result.tag == Tag::Error && result.class == Class::Error, "an exception of another kind");
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
pub fn call_any() {
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
pub fn renew() {
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
        // SAFETY: they do as the shim does.
        assert!(unsafe { sysvirt::sysvirt_start(&perl::CALLBACKS) }, "libvirt cannot be initialized");
        made(c"Sys::Virt::Event::register_default", &[]);
    }
    if calls % 2_000 == 0 {
        INPUT.take();
        renew();
    }
    INPUT.set(data.iter().rev().copied().collect());
    call_any(); // a panic ends the process: libfuzzer-sys sees to that
});
