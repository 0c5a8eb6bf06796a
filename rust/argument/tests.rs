// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Tests of values and of what is made of them: examples, and properties that hold for whatever a small generator
//! with a fixed seed comes up with.

use super::number::{float, integer, is_number, text};
use super::schema::{ParamBuilder, Typed, schema};
use super::types::Arg;
use crate::boundary::error::Error;
use crate::boundary::key::Key;
use crate::boundary::parameter::ParamType;
use crate::boundary::value::{Tag, Value};
use crate::virt::params;
use std::ffi::CStr;

/// How many random values a test tries. Miri takes thousands of times as long.
const ROUNDS: usize = if cfg!(miri) { 10 } else { 20_000 };

/// Marsaglia's xorshift: repeatable, and good enough to find corners.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Small numbers, powers of two and their neighbors, random numbers.
    fn number(&mut self) -> u64 {
        match self.next() % 4 {
            0 => self.next() % 5,
            1 => (1_u64 << (self.next() % 64)).wrapping_sub(self.next() % 2),
            2 => u64::MAX - self.next() % 3,
            _ => self.next(),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.next() % 40;
        (0..len).map(|_| if self.next() % 8 == 0 { 0 } else { self.next() as u8 }).collect()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.next() % if depth == 0 { 6 } else { 10 } {
            0 => Value::none(),
            1 => Value::from(self.number() as i64),
            2 => Value::from(self.number()),
            3 => Value::from(f64::from_bits(self.next())),
            4 => Value::bytes(&self.bytes()),
            5 => Value::from(self.number().to_string().as_str()),
            6 => Value::array((0..self.next() % 4).map(|_| self.value(depth - 1)).collect()),
            7 => Value::reference(self.value(depth - 1)),
            8 => {
                let pairs = self.next() % 4;
                Value::map((0..pairs).flat_map(|_| [Value::none(), self.value(depth - 1)]).collect())
            }
            _ => {
                let owner = Value::bytes(&self.bytes());
                Value::list_with_storage((0..self.next() % 4).map(|_| self.value(depth - 1)).collect(), owner)
            }
        }
    }
}

fn usage<T: std::fmt::Debug>(result: crate::boundary::error::Result<T>) -> String {
    match result {
        Err(Error::Usage(message)) => message,
        other => panic!("not a error of the caller's: {other:?}"),
    }
}

/// The shim's value for a scalar whose type only the driver knows.
fn scalar(text: Value, number: Value) -> Value {
    Value::scalar(text, number)
}

#[test]
fn integers_keep_their_value_or_are_refused() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        let number = random.number();
        for value in [Value::from(number), scalar(Value::none(), Value::from(number))] {
            assert_eq!(integer::<u64>(&value, "n").unwrap(), number);
            assert_eq!(integer::<u32>(&value, "n").ok(), u32::try_from(number).ok());
            assert_eq!(integer::<i32>(&value, "n").ok(), i32::try_from(number).ok());
            assert_eq!(integer::<i64>(&value, "n").ok(), i64::try_from(number).ok());
        }
        let signed = number as i64;
        assert_eq!(integer::<i64>(&Value::from(signed), "n").unwrap(), signed);
        assert_eq!(integer::<u64>(&Value::from(signed), "n").ok(), u64::try_from(signed).ok());
        // The shim has checked the range: the value is only narrowed.
        assert_eq!(u64::get(&Value::from(number), "n").unwrap(), number);
        assert_eq!(i64::get(&Value::from(signed), "n").unwrap(), signed);
    }
    assert_eq!(integer::<u32>(&Value::none(), "n").unwrap(), 0);
    assert_eq!(
        usage(integer::<u32>(&Value::from(-1), "n")),
        "n is out of range: -1 is not within 0 to 4294967295"
    );
}

#[test]
fn floats_are_truncated_or_refused() {
    assert_eq!(integer::<i32>(&Value::from(-1.9), "n").unwrap(), -1);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(usage(integer::<i64>(&Value::from(bad), "n")), "n is not a finite number");
    }
    assert!(
        usage(integer::<i64>(&Value::from(1e30), "n"))
            .starts_with("n is out of range: 1000000000000000019884624838656 ")
    );
}

#[test]
fn any_value_can_be_looked_at_and_dropped() {
    let mut random = Random(1);
    for _ in 0..ROUNDS {
        let value = random.value(3);
        let _ = (value.integer(), value.narrow(), value.get("key"), value.raw(), value.c_text());
        let _ = (integer::<i32>(&value, "v"), float(&value, "v"), text(&value, "v"), is_number(&value));
        let _ = format!("{value:?}");
        assert_eq!(
            value.pairs().count() * 2,
            if value.tag() == Tag::Map { value.items().len() / 2 * 2 } else { 0 }
        );
        for (key, _) in value.pairs() {
            assert!(value.pairs().any(|(other, _)| other == key));
        }
        let mut arguments = ParamBuilder::default();
        for kind in [
            ParamType::Int,
            ParamType::Uint,
            ParamType::Llong,
            ParamType::Ullong,
            ParamType::Double,
            ParamType::Boolean,
            ParamType::Text,
            ParamType::Texts,
        ] {
            let _ = arguments.push(b"name", kind, &value);
        }
    }
}

macro_rules! pairs {
    ($($key:literal => $value:expr),+) => {
        Value::map(vec![$(
            {
                static KEY: Key = Key::new($key);
                Value::key(&KEY)
            },
            Value::from($value),
        )+])
    };
}

#[test]
fn maps_give_back_what_was_put_in() {
    let value = pairs! { c"number" => 5_i32, c"text" => "t", c"none" => Option::<i32>::None };
    assert_eq!(value.get("number").map(Value::integer), Some(5));
    assert_eq!(value.get("text").map(Value::raw), Some(&b"t"[..]));
    assert!(value.get("none").is_some_and(Value::is_none));
    assert!(value.get("missing").is_none());
}

schema! {
    /// For the tests.
    SET { c"int" => Int, c"texts" => Texts, c"text" => Text }
}

fn fixed(value: Value) -> crate::boundary::error::Result<i32> {
    Typed::<SET>::get(&value, "params").map(|params| params.len())
}

#[test]
fn parameters_are_those_of_the_schema() {
    let text = || Value::from(c"x".to_owned());
    assert_eq!(fixed(pairs! { c"int" => 5_i32, c"text" => text() }).unwrap(), 2);
    assert_eq!(fixed(pairs! { c"texts" => Value::array(vec![text(), text()]) }).unwrap(), 2);
    assert_eq!(fixed(Value::map(Vec::new())).unwrap(), 0);
    // Single values first, then those of arrays, in the order of the schema.
    let value = pairs! { c"texts" => Value::array(vec![text()]), c"text" => text(), c"int" => 5_i32 };
    let mut params = Typed::<SET>::get(&value, "params").unwrap();
    // SAFETY: an array of as many parameters, which `params` owns.
    let written = unsafe { std::slice::from_raw_parts(params.as_ptr(), params.len() as usize) };
    let names: Vec<_> = written.iter().map(params::field).collect();
    assert_eq!(names, [&b"int"[..], b"text", b"texts"]);
    // The shim only leaves an unknown key if all keys are unknown.
    assert!(
        matches!(fixed(pairs! { c"itn" => Value::other() }), Err(Error::Libvirt(error)) if error.code == 8)
    );
    assert!(usage(fixed(pairs! { c"int" => 1_u64 << 40 })).starts_with("int is out of range"));
}

#[test]
fn a_plain_number_is_a_string_too() {
    let (number, string) = (Value::from(-5), scalar(Value::from(c"5".to_owned()), Value::from(5)));
    let mut builder = ParamBuilder::default();
    for (value, expected) in [(&number, c"-5"), (&string, c"5")] {
        assert!(is_number(value));
        let text = builder.text(value, "name").unwrap();
        // SAFETY: a string of the value or of the builder.
        assert_eq!(unsafe { CStr::from_ptr(text) }, expected);
    }
    assert!(builder.text(&Value::none(), "name").unwrap().is_null() && !is_number(&Value::none()));
}

#[test]
fn parameters_survive_the_way_to_c_and_back() {
    let values = [
        Value::from(-5),
        Value::from(u32::MAX),
        Value::from(u64::MAX),
        Value::from(0.5),
        Value::from(c"t".to_owned()),
    ];
    let mut arguments = ParamBuilder::default();
    arguments.push(b"int", ParamType::Int, &values[0]).unwrap();
    arguments.push(b"uint", ParamType::Uint, &values[1]).unwrap();
    arguments.push(b"ull", ParamType::Ullong, &values[2]).unwrap();
    arguments.push(b"double", ParamType::Double, &values[3]).unwrap();
    arguments.push(b"text", ParamType::Text, &values[4]).unwrap();
    // SAFETY: an array of as many parameters, which `arguments` owns.
    let written = unsafe { std::slice::from_raw_parts(arguments.as_ptr(), arguments.len() as usize) };
    let names: Vec<_> = written.iter().map(params::field).collect();
    assert_eq!(names, [&b"int"[..], b"uint", b"ull", b"double", b"text"]);
    let types: Vec<_> = written.iter().map(|param| ParamType::of(param.type_)).collect();
    use ParamType::{Double, Int, Text, Uint, Ullong};
    assert_eq!(types, [Int, Uint, Ullong, Double, Text].map(Some));
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "five reads of the same kind")]
    // SAFETY: the types are those that were written.
    let back = unsafe {
        (written[0].value.i, written[1].value.ui, written[2].value.ul, written[3].value.d, written[4].value.s)
    };
    assert_eq!((back.0, back.1, back.2, back.3), (-5, u32::MAX, u64::MAX, 0.5));
    // SAFETY: a string that `arguments` owns.
    assert_eq!(unsafe { CStr::from_ptr(back.4) }, c"t");
    let long = "x".repeat(80);
    let long = std::ffi::CString::new(long).unwrap();
    let name: &CStr = &long;
    assert!(
        arguments.push(name.to_bytes(), ParamType::Int, &values[0]).is_err(),
        "a name that C has no room for"
    );
}
