//! JSON text, read and written by code that is small rather than fast.
//!
//! `serde_json` is made for any source, any sink and any order of things, and writes each of its ways out for each
//! type: in the page that was a fifth of all code. What page and worker say to each other is text in memory, objects
//! for structs and nothing else, so one way is enough here. Both write the same JSON; the worker and the native
//! program, which nobody waits for, use `serde_json`.

mod read;
mod write;

use std::fmt;

use serde::{
    Serialize,
    de::{self, DeserializeOwned, Unexpected},
    ser,
};

use read::{Fault, Reader};
use write::Writer;

/// Why a text is not the JSON of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line} column {column}")]
pub struct Garbled {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: String,
}

/// Reads a value.
///
/// ```
/// use rollout_lab::wire::json;
/// assert_eq!(json::read::<Vec<f64>>("[1, 2.5e-1]"), Ok(vec![1.0, 0.25]));
/// ```
///
/// # Errors
/// [`Garbled`] with the place up to which the text was understood.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Garbled> {
    let mut reader = Reader::<Fault>::new(text);
    reader.value().map_err(|fault| reader.place(fault.0.into()))
}

/// Reads a value that was written by [`write`] or `serde_json`, and aborts the program on anything else.
///
/// What a program that goes on must do after each field that might be garbled, dropping the fields before it, is
/// most of the code that reads a struct. Where garbage means that all is lost anyway, that code can go.
pub fn trust<T: DeserializeOwned>(text: &str) -> T {
    match Reader::<Never>::new(text).value() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Writes a value on one line. Keys of maps must be text.
///
/// ```
/// use rollout_lab::wire::json;
/// assert_eq!(json::write(&(1.0, "a\n", [0; 0])), r#"[1.0,"a\n",[]]"#);
/// ```
pub fn write<T: Serialize + ?Sized>(value: &T) -> String {
    let mut writer = Writer { text: String::new() };
    match value.serialize(&mut writer) {
        Ok(()) => writer.text,
        Err(never) => match never {},
    }
}

/// The number nearest to what a text says.
#[cfg(not(all(feature = "page", target_family = "wasm")))]
pub fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The number nearest to what a text says. The browser has a reader for that, and Rust's would bring a table of 10 kB.
#[cfg(all(feature = "page", target_family = "wasm"))]
pub fn number(text: &str) -> Option<f64> {
    let number = wasm_bindgen::JsValue::from_str(text).unchecked_into_f64();
    // What is no number is NaN to the browser, and nothing at all is 0.
    (!number.is_nan() && !text.is_empty()).then_some(number)
}

/// The same JSON with a line for each member, indented by two.
pub fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    let mut chars = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    while let Some(c) = chars.next() {
        if !in_text && matches!(c, '}' | ']') {
            depth -= 1;
            line(&mut out, depth);
        }
        out.push(c);
        if in_text {
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => in_text = true,
            ':' => out.push(' '),
            ',' => line(&mut out, depth),
            '{' | '[' => match chars.next_if(|next| matches!(next, '}' | ']')) {
                Some(end) => out.push(end),
                None => {
                    depth += 1;
                    line(&mut out, depth);
                }
            },
            _ => {}
        }
    }
    out
}

/// The fault of what has none. A type that refuses its own value ends the program.
#[derive(Debug)]
pub(super) enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

impl de::Error for Never {
    fn custom<T: fmt::Display>(_: T) -> Self {
        std::process::abort()
    }

    // The words of these would be put together for nobody.
    fn invalid_type(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        std::process::abort()
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        std::process::abort()
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        std::process::abort()
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        std::process::abort()
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        std::process::abort()
    }

    fn missing_field(_: &'static str) -> Self {
        std::process::abort()
    }

    fn duplicate_field(_: &'static str) -> Self {
        std::process::abort()
    }
}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(_: T) -> Self {
        std::process::abort()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        One(f64),
        Two(u8, String),
        Named { a: Option<i64>, b: Vec<bool> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "Kind")]
    enum Tagged {
        Plain,
        #[serde(rename_all = "PascalCase")]
        Filled {
            share_of: f64,
            inner: Vec<Shape>,
        },
    }

    fn shapes() -> Vec<Shape> {
        vec![
            Shape::Unit,
            Shape::One(-0.1),
            Shape::Two(255, "quo\"te \\ \n \u{1} \u{8} é 🦀 \u{7f}".into()),
            Shape::Named { a: Some(i64::MIN), b: vec![true, false] },
            Shape::Named { a: None, b: vec![] },
        ]
    }

    #[test]
    fn writes_what_serde_json_writes() {
        assert_eq!(write(&shapes()), serde_json::to_string(&shapes()).unwrap());
        let tagged = [Tagged::Plain, Tagged::Filled { share_of: 1.0, inner: shapes() }];
        assert_eq!(write(&tagged), serde_json::to_string(&tagged).unwrap());
        let map = BTreeMap::from([("a", 1.5), ("b", f64::NAN), ("c", 1e300), ("d", 1e-9), ("e", -0.0)]);
        assert_eq!(read::<Value>(&write(&map)).unwrap(), serde_json::to_value(&map).unwrap());
        assert_eq!(write(&u64::MAX), "18446744073709551615");
    }

    #[test]
    fn reads_what_serde_json_writes() {
        let text = serde_json::to_string_pretty(&shapes()).unwrap();
        assert_eq!(read::<Vec<Shape>>(&text), Ok(shapes()));
        assert_eq!(trust::<Vec<Shape>>(&text), shapes());
        let tagged = vec![Tagged::Filled { share_of: 50.0, inner: shapes() }, Tagged::Plain];
        assert_eq!(read::<Vec<Tagged>>(&serde_json::to_string(&tagged).unwrap()), Ok(tagged));
        let any = json!({"a": [1, -2, 3.5e-7, null, true, "x"], "b": {"c": [], "d": {}}, "e": 1e300});
        assert_eq!(read::<Value>(&any.to_string()), Ok(any));
        assert_eq!(read::<[f64; 2]>(" [ 1 ,2 ] "), Ok([1.0, 2.0]));
        assert_eq!(read::<String>(r#""\u00e9\ud83e\udd80\/""#), Ok("é🦀/".into()));
        assert!(read::<f64>("-0").is_ok_and(f64::is_sign_negative));
    }

    #[test]
    fn numbers_come_back_to_the_last_bit() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let n = f64::from_bits(bits);
            if n.is_finite() {
                assert_eq!(read::<f64>(&write(&n)), Ok(n));
            }
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses() {
        let deep = "[".repeat(200);
        for bad in [
            "",
            "nul",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "--1",
            "[1,]",
            "[1 2]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "\"a",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\t\"",
            "[1] 2",
            "1e999",
            "{\"a\":}",
            "é",
            deep.as_str(),
        ] {
            assert!(read::<Value>(bad).is_err() && serde_json::from_str::<Value>(bad).is_err(), "{bad}");
        }
        for (bad, why) in [
            (r#""One""#, "unit variant"),
            (r#"{"Unit": 1}"#, "unit variant"),
            (r#"{"Three": 1}"#, "unknown variant `Three`"),
            (r#"{"Named": {"b": []"#, "EOF"),
            (r#"{"Named": {"a": 1}}"#, "missing field `b`"),
            (r#"{"Two": [1, "a", 2]}"#, "trailing"),
            (r#"{"One": "x"}"#, "invalid type: string \"x\", expected f64"),
            ("[]", "invalid type: sequence"),
        ] {
            let said = read::<Shape>(bad).unwrap_err().to_string();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn a_place_is_named() {
        let garbled = read::<Vec<u64>>("[1,\n  true]").unwrap_err();
        assert_eq!((garbled.line, garbled.column), (2, 6));
    }

    #[test]
    fn indents_as_serde_json_does() {
        let any = json!({"a": [1, "x{[,:]}\\\" ", {}], "b": {"c": [], "d": {"e": null}}});
        assert_eq!(indented(&any.to_string()), serde_json::to_string_pretty(&any).unwrap());
    }
}
