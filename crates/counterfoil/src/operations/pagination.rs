//! Pagination of all lists: `limit` and `after` in the request, `next` in the answer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use counterfoil_core::ClientError;
use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::credentials::verifier_key::VerifierKeyId;
use counterfoil_core::model::session::Session;
use counterfoil_core::services::revocation_feed::Follower;
use counterfoil_core::store::{
    AdminKeyCursor, AuditEventNumber, NodeId, Page, Scan, SessionCursor, StoreError, VerifierKeyCursor,
};
use counterfoil_jose::{Time, base64url};
use counterfoil_verify::{ClientId, SessionId};

/// How many rows a page has by default, and at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    default: u32,
    max: u32,
}

impl PageSize {
    /// For a user's own records.
    pub(crate) const USER: Self = Self { default: 50, max: 100 };

    /// For administrators.
    pub(crate) const ADMIN: Self = Self { default: 100, max: 1000 };

    /// The limit in `text`, or the default.
    ///
    /// # Errors
    ///
    /// If it is not a number in range.
    pub(crate) fn parse_limit(self, text: Option<&str>) -> Result<u32, ClientError> {
        self.check_limit(text.map(|text| text.parse().unwrap_or_default()))
    }

    /// The limit, or the default.
    ///
    /// # Errors
    ///
    /// If it is not in range.
    pub(crate) fn check_limit(self, limit: Option<u32>) -> Result<u32, ClientError> {
        let limit = limit.unwrap_or(self.default);
        let detail = || format!("must be between 1 and {}", self.max);
        let is_in_range = (1..=self.max).contains(&limit);
        if is_in_range { Ok(limit) } else { Err(ClientError::Field { field: "limit", detail: detail() }) }
    }
}

/// The most reads for a page of a filtered list. Each visits at most 2,000 rows.
const MAX_READS: usize = 25;

/// The requested page of a list; `C` is the position after which it starts.
#[derive(Debug)]
pub(crate) struct Pagination<C> {
    after: Option<C>,
    limit: u32,
}

impl<C: Cursor> Pagination<C> {
    /// A page of `limit` rows after the cursor `after`.
    ///
    /// # Errors
    ///
    /// For a cursor that no answer has contained as `next`.
    pub(crate) fn new(after: Option<&str>, limit: u32) -> Result<Self, ClientError> {
        let detail = || "must be a value of `next`, unchanged".to_owned();
        let invalid = || ClientError::Field { field: "after", detail: detail() };
        let after = after.map(|text| C::parse(text).ok_or_else(invalid)).transpose()?;
        Ok(Self { after, limit })
    }

    /// The page to read from the store: one row more than requested, which shows whether there is a next page.
    pub(crate) fn to_page(&self) -> Page<C> {
        Page { after: self.after.clone(), limit: self.limit + 1 }
    }

    /// The rows of the page in a filtered list, of which each read visits a part, and the row after which the reads have
    /// stopped, if the page is not full although more rows follow. `read` gets where it starts and how many rows are missing.
    ///
    /// # Errors
    ///
    /// If `read` fails.
    pub(crate) async fn read<T, F>(
        &self,
        read: impl Fn(Page<C>) -> F,
    ) -> Result<(Vec<T>, Option<C>), StoreError>
    where
        F: Future<Output = Result<Scan<T, C>, StoreError>>,
    {
        let mut page = self.to_page();
        let mut rows = Vec::new();
        for _ in 0..MAX_READS {
            let scan = read(page.clone()).await?;
            rows.extend(scan.rows);
            page.limit = (self.limit + 1).saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            match scan.next {
                Some(next) if page.limit > 0 => page.after = Some(next),
                Some(_) | None => return Ok((rows, None)),
            }
        }
        Ok((rows, page.after))
    }

    /// Removes the additional row. Returns `next`: the cursor of the last row if there are more.
    pub(crate) fn finish<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> C) -> Option<String> {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        rows.last().filter(|_| has_more).map(|row| cursor(row).to_text())
    }
}

impl<C: Cursor + Ord> Pagination<C> {
    /// The rows of the page in a list that is not read page by page, and `next`. The rows are sorted by their cursors,
    /// so that the page is found also if the row before it was removed.
    pub(crate) fn cut<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> C) -> (Vec<T>, Option<String>) {
        // A store may order the ids of one time in another way, such as by their bytes.
        rows.sort_by_cached_key(&cursor);
        let Page { after, limit } = self.to_page();
        let is_after = |row: &T| after.as_ref().is_none_or(|after| cursor(row) > *after);
        let mut page: Vec<T> = rows.into_iter().filter(is_after).take(limit as usize).collect();
        let next = self.finish(&mut page, cursor);
        (page, next)
    }
}

/// A position in a list, as text for clients. It contains no secret, and a forged one is only another position.
pub(crate) trait Cursor: Clone {
    /// The text.
    fn to_text(&self) -> String;

    /// The inverse of [`to_text`](Self::to_text).
    fn parse(text: &str) -> Option<Self>;
}

/// The folded username, in the list of users.
impl Cursor for String {
    fn to_text(&self) -> String {
        self.clone()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Cursor for ClientId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Cursor for AuditEventNumber {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A record in a list that is ordered by the time of creation, and by id among those of one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CreatedCursor {
    /// When the record was created.
    pub(crate) at: Time,
    /// Its id.
    pub(crate) id: String,
}

impl Cursor for CreatedCursor {
    fn to_text(&self) -> String {
        base64url::encode([&self.at.unix_ms().to_be_bytes(), self.id.as_bytes()].concat())
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = base64url::decode(text).ok()?;
        let (time, id) = bytes.split_first_chunk()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Self { at: Time::from_unix_ms(u64::from_be_bytes(*time)), id })
    }
}

impl Cursor for SessionCursor {
    fn to_text(&self) -> String {
        time_and_id_to_text(self.authenticated_at, self.id.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let (authenticated_at, id) = parse_time_and_id(text)?;
        Some(Self { authenticated_at, id: SessionId::from_bytes(id) })
    }
}

impl Cursor for AdminKeyCursor {
    fn to_text(&self) -> String {
        time_and_id_to_text(self.created_at, self.id.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = parse_time_and_id(text)?;
        Some(Self { created_at, id: AdminKeyId::from_bytes(id) })
    }
}

impl Cursor for VerifierKeyCursor {
    fn to_text(&self) -> String {
        time_and_id_to_text(self.created_at, self.id.as_bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = parse_time_and_id(text)?;
        Some(Self { created_at, id: VerifierKeyId::from_bytes(id) })
    }
}

impl Cursor for Follower {
    fn to_text(&self) -> String {
        format!("{}.{}", self.key, self.instance)
    }

    fn parse(text: &str) -> Option<Self> {
        let (key, instance) = text.split_once('.')?;
        Some(Self { key: key.parse().ok()?, instance: instance.parse().ok()? })
    }
}

impl Cursor for NodeId {
    fn to_text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        base64url::decode_exact(text).ok().map(Self::from_bytes)
    }
}

fn time_and_id_to_text(time: Time, id: &[u8; 16]) -> String {
    base64url::encode([&time.unix_ms().to_be_bytes()[..], id].concat())
}

fn parse_time_and_id(text: &str) -> Option<(Time, [u8; 16])> {
    let bytes: [u8; 24] = base64url::decode_exact(text).ok()?;
    let (time, id) = bytes.split_first_chunk()?;
    Some((Time::from_unix_ms(u64::from_be_bytes(*time)), id.try_into().ok()?))
}

/// The position of a session in the list of its user.
pub(crate) fn session_cursor(session: &Session) -> SessionCursor {
    SessionCursor { authenticated_at: session.authenticated_at, id: session.id }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn pagination<C: Cursor>(after: Option<&str>, limit: u32) -> Pagination<C> {
        Pagination::new(after, limit).unwrap()
    }

    fn created(ms: u64, id: &str) -> CreatedCursor {
        CreatedCursor { at: Time::from_unix_ms(ms), id: id.to_owned() }
    }

    #[test]
    fn an_invalid_cursor_is_rejected_and_a_forged_one_is_harmless() {
        for bad in ["", "x", "%00", &"A".repeat(31), &"A".repeat(33), "' OR 1=1 --"] {
            assert!(SessionCursor::parse(bad).is_none(), "{bad}");
        }
        for bad in ["", "x", "%00", "AAAA", "AAAAAAAAAAD_"] {
            assert!(CreatedCursor::parse(bad).is_none(), "{bad}");
        }
        let forged = SessionCursor::parse(&"_".repeat(32)).unwrap();
        assert_eq!(forged.authenticated_at, Time::from_unix_ms(u64::MAX));
    }

    #[test]
    fn a_cursor_is_parsed_to_its_position() {
        let authenticated_at = Time::from_unix_ms(1_764_000_000_123);
        let session = SessionCursor { authenticated_at, id: SessionId::from_bytes([7; 16]) };

        assert_eq!(SessionCursor::parse(&session.to_text()), Some(session));
        assert_eq!(CreatedCursor::parse(&created(7, "id").to_text()), Some(created(7, "id")));
    }

    #[test]
    fn a_limit_must_be_in_range() {
        assert_eq!(PageSize::USER.parse_limit(Some("100")).unwrap(), 100);
        assert_eq!(PageSize::ADMIN.check_limit(None).unwrap(), 100);
        for bad in ["0", "101", "-1", "1e1", "", "99999999999999999999"] {
            assert!(PageSize::USER.parse_limit(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn next_is_the_last_row_of_a_page_that_is_not_the_last() {
        let request = pagination::<AuditEventNumber>(None, 2);
        let (mut full, mut last) = (vec![1, 2, 3], vec![4, 5]);

        assert_eq!(request.to_page().limit, 3);
        assert_eq!(request.finish(&mut full, Clone::clone), Some("2".to_owned()));
        assert_eq!(request.finish(&mut last, Clone::clone), None);
        assert_eq!((full.len(), last.len()), (2, 2));
    }

    #[tokio::test]
    async fn a_page_of_a_list_without_matches_stops_and_says_where() {
        let visit = |page: Page<AuditEventNumber>| async move {
            let start = page.after.unwrap_or(1_000_000);
            Ok(Scan { rows: Vec::<u64>::new(), next: Some(start - 2_000) })
        };

        let first = pagination::<AuditEventNumber>(None, 10).read(visit).await.unwrap();
        assert_eq!(first, (vec![], Some(950_000)));
        let second = pagination(Some("950000"), 10).read(visit).await.unwrap();
        assert_eq!(second, (vec![], Some(900_000)));
    }

    #[test]
    fn pages_of_a_list_that_changes_have_every_remaining_row_once() {
        let mut rows = vec![created(1, "a"), created(1, "b"), created(2, "a"), created(3, "a")];

        let (first, next) = pagination(None, 2).cut(rows.clone(), Clone::clone);
        rows.remove(1);
        let (second, end) = pagination(next.as_deref(), 2).cut(rows, Clone::clone);

        assert_eq!(first, [created(1, "a"), created(1, "b")]);
        assert_eq!((second, end), (vec![created(2, "a"), created(3, "a")], None));
    }
}
