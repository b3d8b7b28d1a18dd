//! The answer that has a page of a list.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A record of which there are lists.
pub trait ListItem {
    /// The member of the answer that contains the records.
    const MEMBER: &'static str;
    /// The name of the list in the OpenAPI document.
    const SCHEMA: &'static str;
}

/// A page of a list: `{<member>: […], "next": <cursor or null>}`.
///
/// ```
/// use counterfoil::operator::{ClientView, ListResponse};
///
/// let list: ListResponse<ClientView> = serde_json::from_str(r#"{"clients":[],"next":null}"#)?;
/// assert!(list.items.is_empty() && list.next.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListResponse<T> {
    /// The records, at most as many as requested.
    pub items: Vec<T>,
    /// The value of `after` for the next page, or null at the end.
    pub next: Option<String>,
}

impl<T> ListResponse<T> {
    pub(crate) fn new<R>(rows: &[R], next: Option<String>) -> Self
    where
        T: for<'a> From<&'a R>,
    {
        Self { items: rows.iter().map(T::from).collect(), next }
    }
}

impl<T: ListItem + Serialize> Serialize for ListResponse<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_struct("ListResponse", 2)?;
        list.serialize_field(T::MEMBER, &self.items)?;
        list.serialize_field("next", &self.next)?;
        list.end()
    }
}

impl<'de, T: ListItem + Deserialize<'de>> Deserialize<'de> for ListResponse<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: ListItem + Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = ListResponse<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list with the member {}", T::MEMBER)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ListResponse<T>, A::Error> {
        let (mut items, mut next) = (None, None);
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "next" => next = map.next_value()?,
                member if member == T::MEMBER => items = Some(map.next_value()?),
                // Of a newer server.
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let items = items.ok_or_else(|| A::Error::missing_field(T::MEMBER))?;
        Ok(ListResponse { items, next })
    }
}

impl<T: ListItem + ToSchema> PartialSchema for ListResponse<T> {
    fn schema() -> RefOr<Schema> {
        let rows = Some("The rows of this page.");
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(rows);
        let next = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("The value of `after` for the next page, or null at the end."));
        ObjectBuilder::new()
            .property(T::MEMBER, items)
            .required(T::MEMBER)
            .property("next", next)
            .description(Some("A page of a list."))
            .into()
    }
}

impl<T: ListItem + ToSchema> ToSchema for ListResponse<T> {
    fn name() -> Cow<'static, str> {
        T::SCHEMA.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
