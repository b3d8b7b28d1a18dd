//! Reads a request type from a JSON object; an error names the field and what was expected, and never repeats
//! a value.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, Expected, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use counterfoil_jose::json::type_in_words;

use crate::http::body_error::BodyError;

/// Reads a `T` from the members of an object. A member of `T` that is null is the same as one that is absent.
///
/// # Errors
///
/// [`BodyError::UnknownField`], or [`BodyError::InvalidField`] with the name of the top-level member.
pub(crate) fn from_members<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, BodyError> {
    deserialize(WithoutNulls(members))
}

/// Reads a `T` from the members of a patch, in which null can mean to remove a value (RFC 7396).
///
/// # Errors
///
/// As [`from_members`].
pub(crate) fn from_patch<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, BodyError> {
    deserialize(JsonValue(Value::Object(members)))
}

fn deserialize<'de, T: DeserializeOwned>(
    members: impl Deserializer<'de, Error = ShapeError>,
) -> Result<T, BodyError> {
    serde_path_to_error::deserialize(members).map_err(|error| {
        let mut names = error.path().iter().filter_map(member_name).map(str::to_owned);
        let (field, inner) = (names.next().unwrap_or_default(), names.next());
        error.into_inner().into_body_error(field, inner)
    })
}

/// The name of a member of an object. It is one that the type has: every type refuses unknown members.
fn member_name(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Map { key } => Some(key),
        Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// What is wrong with the shape of a value. `serde_json` has this only as a text, which may quote the value.
#[derive(Debug)]
enum ShapeError {
    MissingField(&'static str),
    UnknownField(&'static [&'static str]),
    /// Another type or value than expected; holds what was expected.
    Mismatch(String),
    /// A custom error, whose text may quote the value.
    Custom,
}

impl ShapeError {
    /// The error of the member `field`; of the member `inner` in it, if there is one.
    fn into_body_error(self, field: String, inner: Option<String>) -> BodyError {
        let inner = inner.map(|name| format!("`{name}` ")).unwrap_or_default();
        let detail = match self {
            Self::UnknownField(known) => return BodyError::UnknownField(quoted(known)),
            Self::MissingField(field) => {
                return BodyError::InvalidField { field: field.to_owned(), detail: "is required".into() };
            }
            Self::Mismatch(expected) => Cow::Owned(format!("{inner}must be {expected}")),
            Self::Custom => Cow::Owned(format!("{inner}is invalid")),
        };
        BodyError::InvalidField { field, detail }
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingField(field) => write!(f, "`{field}` is required"),
            Self::UnknownField(_) => f.write_str("unknown field"),
            Self::Mismatch(expected) => write!(f, "must be {expected}"),
            Self::Custom => f.write_str("invalid value"),
        }
    }
}

impl std::error::Error for ShapeError {}

impl serde::de::Error for ShapeError {
    fn custom<T: Display>(_: T) -> Self {
        Self::Custom
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Mismatch(type_in_words(&expected.to_string()).to_owned())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Mismatch(type_in_words(&expected.to_string()).to_owned())
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::Mismatch(expected.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Mismatch(format!("one of {}", quoted(expected)))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::UnknownField(expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::MissingField(field)
    }
}

/// An object whose null members are absent for the type that reads it.
struct WithoutNulls(Map<String, Value>);

impl<'de> Deserializer<'de> for WithoutNulls {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        JsonValue(Value::Object(self.0)).deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        // Other members stay: the type refuses them.
        self.0.retain(|name, value| !value.is_null() || !fields.contains(&name.as_str()));
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A JSON value that deserializes with [`ShapeError`].
struct JsonValue(Value);

impl IntoDeserializer<'_, ShapeError> for JsonValue {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for JsonValue {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(JsonValue));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, JsonValue(value)));
                visitor.visit_map(MapDeserializer::new(members))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(name.into_deserializer()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(ShapeError::unknown_variant("", variants))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
