//! JSON text, read and written by code that is small rather than fast.
//!
//! `serde_json` is made for any source, any sink and any order of things, and writes each of its ways out for each
//! type: in the page that was a fifth of all code. What page and worker say to each other is text in memory, objects
//! for structs and nothing else, so one way is enough here. Both write the same JSON; the worker and the native
//! program, which nobody waits for, use `serde_json`.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Serialize,
    de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Unexpected, Visitor},
    ser::{self, Serializer},
};

/// Levels of lists and objects inside each other: a page's stack is small.
const DEEPEST: u32 = 100;

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
#[cfg(not(feature = "page"))]
pub fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The number nearest to what a text says. The browser has a reader for that, and Rust's would bring a table of 10 kB.
#[cfg(feature = "page")]
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

/// Values without inner ones are all read alike: what is there is handed to the visitor, which knows its type.
macro_rules! plain {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            self.deserialize_bool(visitor)
        })*
    };
}

macro_rules! whole {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, v: $type) -> Result<(), Never> {
            self.put(&v);
            Ok(())
        })*
    };
}

macro_rules! items {
    ($($kind:ident::$method:ident)*) => {
        $(impl ser::$kind for Items<'_> {
            type Ok = ();
            type Error = Never;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.comma();
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), Never> {
                self.close();
                Ok(())
            }
        })*
    };
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl ser::$kind for Items<'_> {
            type Ok = ();
            type Error = Never;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Never> {
                self.key(name);
                value.serialize(&mut *self.writer)
            }

            fn end(self) -> Result<(), Never> {
                self.close();
                Ok(())
            }
        })*
    };
}

/// What is wrong; where, the reader knows.
#[derive(Debug)]
struct Fault(Box<str>);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self(problem.to_string().into())
    }
}

/// The fault of what has none. A type that refuses its own value ends the program.
#[derive(Debug)]
enum Never {}

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

fn fault<T, E: de::Error>(problem: &'static str) -> Result<T, E> {
    Err(E::custom(problem))
}

/// A value without inner ones.
enum Plain<'de> {
    Null,
    Flag(bool),
    Count(u64),
    Below(i64),
    Number(f64),
    Text(Cow<'de, str>),
}

impl Plain<'_> {
    fn hand<'de, E: de::Error, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Flag(flag) => visitor.visit_bool(flag),
            Self::Count(n) => visitor.visit_u64(n),
            Self::Below(n) => visitor.visit_i64(n),
            Self::Number(n) => visitor.visit_f64(n),
            Self::Text(text) => visitor.visit_str(&text),
        }
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Flag(flag) => Unexpected::Bool(*flag),
            Self::Count(n) => Unexpected::Unsigned(*n),
            Self::Below(n) => Unexpected::Signed(*n),
            Self::Number(n) => Unexpected::Float(*n),
            Self::Text(text) => Unexpected::Str(text),
        }
    }
}

struct Reader<'de, E> {
    text: &'de str,
    at: usize,
    depth: u32,
    garbled: PhantomData<E>,
}

// Nothing in this block depends on the type that is read, so there is one of each, however many types there are.
impl<'de, E: de::Error> Reader<'de, E> {
    fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0, garbled: PhantomData }
    }

    fn value<T: DeserializeOwned>(&mut self) -> Result<T, E> {
        let value = T::deserialize(&mut *self)?;
        self.end().map(|()| value)
    }

    fn place(&self, problem: String) -> Garbled {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        Garbled {
            line: before.iter().filter(|b| **b == b'\n').count() + 1,
            column: before.len() - line_start,
            problem,
        }
    }

    /// The next byte that is no blank; none at the end.
    #[inline(never)]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn took(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[inline(never)]
    fn end(&mut self) -> Result<(), E> {
        if self.peek().is_none() { Ok(()) } else { fault("trailing characters") }
    }

    #[inline(never)]
    fn colon(&mut self) -> Result<(), E> {
        if self.took(b':') { Ok(()) } else { fault("expected `:`") }
    }

    #[inline(never)]
    fn plain(&mut self) -> Result<Plain<'de>, E> {
        let word = |reader: &mut Self, word: &str, value| {
            if reader.text[reader.at..].starts_with(word) {
                reader.at += word.len();
                Ok(value)
            } else {
                fault("expected value")
            }
        };
        match self.peek() {
            Some(b'"') => self.string().map(Plain::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => word(self, "null", Plain::Null),
            Some(b't') => word(self, "true", Plain::Flag(true)),
            Some(b'f') => word(self, "false", Plain::Flag(false)),
            None => fault("EOF while parsing a value"),
            _ => fault("expected value"),
        }
    }

    fn number(&mut self) -> Result<Plain<'de>, E> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
        let token = &rest[..length.count()];
        self.at += token.len();
        let digits = token.strip_prefix('-').unwrap_or(token).as_bytes();
        // What Rust reads and JSON forbids: `01`, `1.`, `.5`.
        let point = digits.iter().position(|b| *b == b'.');
        let sound = digits.first().is_some_and(u8::is_ascii_digit)
            && !(digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit())
            && point.is_none_or(|p| digits.get(p + 1).is_some_and(u8::is_ascii_digit));
        if !sound {
            return fault("invalid number");
        }
        if let Ok(n) = token.parse() {
            return Ok(Plain::Count(n));
        }
        match token.parse() {
            // −0 is a number of its own.
            Ok(n) if n != 0 => Ok(Plain::Below(n)),
            _ => match number(token) {
                Some(n) if n.is_finite() => Ok(Plain::Number(n)),
                Some(_) => fault("number out of range"),
                None => fault("invalid number"),
            },
        }
    }

    /// Text in quotes; it must be next.
    #[inline(never)]
    fn string(&mut self) -> Result<Cow<'de, str>, E> {
        if !self.took(b'"') {
            return fault("expected text in double quotes");
        }
        let text = self.text;
        let mut whole = Cow::Borrowed("");
        loop {
            let rest = &text[self.at..];
            let Some(stop) = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < b' ') else {
                self.at = text.len();
                return fault("EOF while parsing a string");
            };
            // Most texts hold no escape, and are not copied here.
            if whole.is_empty() {
                whole = Cow::Borrowed(&rest[..stop]);
            } else {
                whole.to_mut().push_str(&rest[..stop]);
            }
            self.at += stop + 1;
            match rest.as_bytes()[stop] {
                b'"' => return Ok(whole),
                b'\\' => whole.to_mut().push(self.escape()?),
                _ => return fault("control character (\\u0000-\\u001F) found while parsing a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, E> {
        let byte = self.text.as_bytes().get(self.at).copied();
        self.at += 1;
        Ok(match byte {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'u') => {
                let first = self.unit()?;
                let second = match first {
                    0xd800..0xdc00 if self.text[self.at..].starts_with("\\u") => {
                        self.at += 2;
                        Some(self.unit()?)
                    }
                    _ => None,
                };
                let units = [Some(first), second].into_iter().flatten();
                return match char::decode_utf16(units).next() {
                    Some(Ok(c)) => Ok(c),
                    _ => fault("lone surrogate in hex escape"),
                };
            }
            _ => return fault("invalid escape"),
        })
    }

    fn unit(&mut self) -> Result<u16, E> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|d| u16::from_str_radix(d, 16).ok()) else {
            return fault("invalid escape");
        };
        self.at += 4;
        Ok(unit)
    }

    #[inline(never)]
    fn enter(&mut self) -> Result<(), E> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST { fault("recursion limit exceeded") } else { Ok(()) }
    }
}

impl<'de, E: de::Error> Reader<'de, E> {
    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, E> {
        if self.peek() != Some(b'[') {
            return self.refuse(&visitor);
        }
        self.enter()?;
        let mut inner = Inner { reader: self, end: b']', begun: false, ended: false };
        let value = visitor.visit_seq(&mut inner)?;
        inner.close().map(|()| value)
    }

    fn members<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, E> {
        if self.peek() != Some(b'{') {
            return self.refuse(&visitor);
        }
        self.enter()?;
        let mut inner = Inner { reader: self, end: b'}', begun: false, ended: false };
        let value = visitor.visit_map(&mut inner)?;
        inner.close().map(|()| value)
    }

    /// Says that what is next is not what was expected.
    #[inline(never)]
    fn refuse<T>(&mut self, expected: &dyn de::Expected) -> Result<T, E> {
        let found = match self.peek() {
            Some(b'[') => Unexpected::Seq,
            Some(b'{') => Unexpected::Map,
            _ => return Err(de::Error::invalid_type(self.plain()?.unexpected(), expected)),
        };
        Err(de::Error::invalid_type(found, expected))
    }
}

impl<'de, E: de::Error> Deserializer<'de> for &mut Reader<'de, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.peek() {
            Some(b'[') => self.list(visitor),
            Some(b'{') => self.members(visitor),
            _ => self.plain()?.hand(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.peek() {
            Some(b'[' | b'{') => self.refuse(&visitor),
            _ => self.plain()?.hand(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.peek() {
            Some(b'"') => visitor.visit_str(&self.string()?),
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.peek() {
            Some(b'n') => self.plain().and_then(|_| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, E> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, E> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.members(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        self.members(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.peek() {
            Some(b'"') => visitor.visit_enum(Variant { reader: self, bare: true }),
            Some(b'{') => {
                self.enter()?;
                let value = visitor.visit_enum(Variant { reader: self, bare: false })?;
                self.depth -= 1;
                if self.took(b'}') { Ok(value) } else { fault("expected `}`") }
            }
            _ => self.refuse(&visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        self.deserialize_bool(visitor)
    }

    // Only what is skipped, or looked at before its type is known.
    serde::forward_to_deserialize_any! { ignored_any bytes byte_buf }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.deserialize_str(visitor)
    }

    plain! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64 deserialize_unit
    }
}

/// What is inside a list or an object.
struct Inner<'a, 'de, E> {
    reader: &'a mut Reader<'de, E>,
    end: u8,
    begun: bool,
    ended: bool,
}

impl<E: de::Error> Inner<'_, '_, E> {
    #[inline(never)]
    fn more(&mut self) -> Result<bool, E> {
        if self.ended {
            return Ok(false);
        }
        if self.reader.took(self.end) {
            self.ended = true;
            self.reader.depth -= 1;
            return Ok(false);
        }
        if self.begun && !self.reader.took(b',') {
            return fault(match (self.reader.peek(), self.end) {
                (None, b']') => "EOF while parsing a list",
                (None, _) => "EOF while parsing an object",
                (_, b']') => "expected `,` or `]`",
                _ => "expected `,` or `}`",
            });
        }
        if self.begun && self.reader.peek() == Some(self.end) {
            return fault("trailing comma");
        }
        self.begun = true;
        Ok(true)
    }

    /// Makes sure that all was read.
    #[inline(never)]
    fn close(&mut self) -> Result<(), E> {
        if self.more()? { fault("trailing characters") } else { Ok(()) }
    }
}

impl<'de, E: de::Error> de::SeqAccess<'de> for &mut Inner<'_, 'de, E> {
    type Error = E;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, E> {
        if self.more()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de, E: de::Error> de::MapAccess<'de> for &mut Inner<'_, 'de, E> {
    type Error = E;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, E> {
        if !self.more()? {
            return Ok(None);
        }
        match self.reader.peek() {
            Some(b'"') => seed.deserialize(&mut *self.reader).map(Some),
            _ => fault("key must be a string"),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, E> {
        self.reader.colon()?;
        seed.deserialize(&mut *self.reader)
    }
}

/// One of several: its name alone, or an object with its name and what it holds.
struct Variant<'a, 'de, E> {
    reader: &'a mut Reader<'de, E>,
    bare: bool,
}

impl<E: de::Error> Variant<'_, '_, E> {
    #[inline(never)]
    fn filled(&self) -> Result<(), E> {
        if self.bare {
            fault("invalid type: unit variant, expected one that holds something")
        } else {
            Ok(())
        }
    }
}

impl<'de, E: de::Error> de::EnumAccess<'de> for Variant<'_, 'de, E> {
    type Error = E;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), E> {
        let name = seed.deserialize(&mut *self.reader)?;
        if !self.bare {
            self.reader.colon()?;
        }
        Ok((name, self))
    }
}

impl<'de, E: de::Error> de::VariantAccess<'de> for Variant<'_, 'de, E> {
    type Error = E;

    fn unit_variant(self) -> Result<(), E> {
        match self.bare || matches!(self.reader.plain()?, Plain::Null) {
            true => Ok(()),
            false => fault("invalid type: expected a unit variant"),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, E> {
        self.filled()?;
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, E> {
        self.filled()?;
        self.reader.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        self.filled()?;
        self.reader.members(visitor)
    }
}

struct Writer {
    text: String,
}

impl Writer {
    #[inline(never)]
    fn put(&mut self, value: &dyn fmt::Display) {
        let _ = fmt::Write::write_fmt(&mut self.text, format_args!("{value}"));
    }

    #[inline(never)]
    fn quote(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                c if c < ' ' => self.put(&format_args!("\\u{:04x}", u32::from(c))),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    /// `{"name":`, around what a variant holds.
    #[inline(never)]
    fn variant(&mut self, name: &str) {
        self.text.push('{');
        self.quote(name);
        self.text.push(':');
    }

    fn open(&mut self, open: char, close: &'static str) -> Items<'_> {
        self.text.push(open);
        Items { writer: self, close, begun: false }
    }
}

/// The inside of a list or an object that is being written.
struct Items<'a> {
    writer: &'a mut Writer,
    close: &'static str,
    begun: bool,
}

impl Items<'_> {
    #[inline(never)]
    fn comma(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            self.writer.text.push(',');
        }
    }

    #[inline(never)]
    fn key(&mut self, name: &str) {
        self.comma();
        self.writer.quote(name);
        self.writer.text.push(':');
    }

    #[inline(never)]
    fn close(self) {
        self.writer.text.push_str(self.close);
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    fn serialize_bool(self, v: bool) -> Result<(), Never> {
        self.put(&v);
        Ok(())
    }

    fn serialize_f64(self, v: f64) -> Result<(), Never> {
        if v.is_finite() {
            self.put(&format_args!("{v:?}"));
            Ok(())
        } else {
            self.serialize_unit()
        }
    }

    fn serialize_f32(self, v: f32) -> Result<(), Never> {
        if v.is_finite() {
            self.put(&format_args!("{v:?}"));
            Ok(())
        } else {
            self.serialize_unit()
        }
    }

    fn serialize_char(self, v: char) -> Result<(), Never> {
        self.quote(v.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, v: &str) -> Result<(), Never> {
        self.quote(v);
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), Never> {
        v.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Never> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Never> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Items<'a>, Never> {
        Ok(self.open('[', "]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Items<'a>, Never> {
        Ok(self.open('[', "]"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Items<'a>, Never> {
        Ok(self.open('[', "]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Items<'a>, Never> {
        self.variant(variant);
        Ok(self.open('[', "]}"))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Items<'a>, Never> {
        Ok(self.open('{', "}"))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Items<'a>, Never> {
        Ok(self.open('{', "}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Items<'a>, Never> {
        self.variant(variant);
        Ok(self.open('{', "}}"))
    }

    whole! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
    }
}

items! {
    SerializeSeq::serialize_element SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field SerializeTupleVariant::serialize_field
}
fields! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Never;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Never> {
        self.comma();
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.writer.text.push(':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Never> {
        self.close();
        Ok(())
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
