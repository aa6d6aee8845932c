//! The writer.

use std::fmt;

use serde::{
    Serialize,
    ser::{self, Serializer},
};

use super::Never;

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

/// What was written so far.
pub(super) struct Writer {
    pub(super) text: String,
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
pub(super) struct Items<'a> {
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
