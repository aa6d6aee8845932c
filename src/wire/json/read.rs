//! The reader: one way through a text, whatever the type.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Unexpected, Visitor};

use super::{Garbled, number};

/// Levels of lists and objects inside each other: a page's stack is small.
const DEEPEST: u32 = 100;

/// Values without inner ones are all read alike: what is there is handed to the visitor, which knows its type.
macro_rules! plain {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            self.deserialize_bool(visitor)
        })*
    };
}

/// What is wrong; where, the reader knows.
#[derive(Debug)]
pub(super) struct Fault(pub(super) Box<str>);

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
            // `unit value` says nothing to who wrote JSON.
            Self::Null => Unexpected::Other("null"),
            Self::Flag(flag) => Unexpected::Bool(*flag),
            Self::Count(n) => Unexpected::Unsigned(*n),
            Self::Below(n) => Unexpected::Signed(*n),
            Self::Number(n) => Unexpected::Float(*n),
            Self::Text(text) => Unexpected::Str(text),
        }
    }
}

/// A text and how far it was read. `E` is what it makes of garbage.
pub(super) struct Reader<'de, E> {
    text: &'de str,
    at: usize,
    depth: u32,
    garbled: PhantomData<E>,
}

// Nothing in this block depends on the type that is read, so there is one of each, however many types there are.
impl<'de, E: de::Error> Reader<'de, E> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0, garbled: PhantomData }
    }

    pub(super) fn value<T: DeserializeOwned>(&mut self) -> Result<T, E> {
        let value = T::deserialize(&mut *self)?;
        self.end().map(|()| value)
    }

    pub(super) fn place(&self, problem: String) -> Garbled {
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
