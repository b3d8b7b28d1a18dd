//! The entity tags of the preconditions `If-Match` and `If-None-Match` (RFC 9110, section 13.1).

use http::{HeaderMap, HeaderName};

/// The entity tags that a precondition names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EntityTags {
    /// `*`: any.
    Any,
    /// A list, in which no tag need be one of this server.
    List(Vec<EntityTag>),
}

/// One entity tag (RFC 9110, section 8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntityTag {
    /// The revision that it stands for; `None` if this server did not write the tag.
    revision: Option<u64>,
    is_weak: bool,
}

/// A header is not a list of entity tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedEntityTags;

impl EntityTags {
    /// The tags in all lines of the header `name`; `None` if the request does not have it.
    pub(crate) fn from_header(
        headers: &HeaderMap,
        name: &HeaderName,
    ) -> Result<Option<Self>, MalformedEntityTags> {
        let lines: Vec<&[u8]> = headers.get_all(name).into_iter().map(|line| line.as_bytes()).collect();
        match lines.as_slice() {
            [] => return Ok(None),
            [line] if line.trim_ascii() == b"*" => return Ok(Some(Self::Any)),
            _ => {}
        }
        let mut tags = Vec::new();
        for line in lines {
            parse_list(line, &mut tags).ok_or(MalformedEntityTags)?;
        }
        if tags.is_empty() { Err(MalformedEntityTags) } else { Ok(Some(Self::List(tags))) }
    }

    /// Whether a tag is that of `revision`, and promises the same bytes: for `If-Match`.
    pub(crate) fn contains(&self, revision: u64) -> bool {
        self.any(|tag| tag.revision == Some(revision) && !tag.is_weak)
    }

    /// Whether a tag is that of `revision`, weak or not: for `If-None-Match`.
    pub(crate) fn contains_weakly(&self, revision: u64) -> bool {
        self.any(|tag| tag.revision == Some(revision))
    }

    fn any(&self, is_match: impl Fn(&EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(is_match),
        }
    }
}

/// Appends the tags of one line. A comma within a tag does not end it; empty elements are ignored.
fn parse_list(line: &[u8], tags: &mut Vec<EntityTag>) -> Option<()> {
    let is_separator = |byte: &u8| b", \t".contains(byte);
    let mut rest = line;
    loop {
        rest = &rest[rest.iter().position(|byte| !is_separator(byte)).unwrap_or(rest.len())..];
        if rest.is_empty() {
            return Some(());
        }
        let strong = rest.strip_prefix(b"W/");
        let opaque = strong.unwrap_or(rest).strip_prefix(b"\"")?;
        let end = opaque.iter().position(|&byte| byte == b'"')?;
        tags.push(EntityTag { revision: parse_revision(&opaque[..end]), is_weak: strong.is_some() });
        rest = &opaque[end + 1..];
        if rest.first().is_some_and(|byte| !is_separator(byte)) {
            return None;
        }
    }
}

/// The revision in a tag, as this server writes it.
fn parse_revision(opaque: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(opaque).ok()?;
    text.parse().ok().filter(|revision: &u64| revision.to_string() == text)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::IF_MATCH;

    use super::*;

    fn parse(lines: &[&str]) -> Result<Option<EntityTags>, MalformedEntityTags> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        EntityTags::from_header(&headers, &IF_MATCH)
    }

    #[test]
    fn a_list_names_revisions() {
        assert_eq!(parse(&[]), Ok(None));
        assert_eq!(parse(&[" * "]), Ok(Some(EntityTags::Any)));
        for lines in [&["\"3\""][..], &["\"3\", \"4\""], &["\"x,\\\",,\"3\""], &["\"4\"", "W/\"5\" , \"3\","]]
        {
            let tags = parse(lines).unwrap().unwrap();
            assert!(tags.contains(3) && tags.contains_weakly(3) && !tags.contains(7), "{lines:?}");
        }
    }

    #[test]
    fn a_weak_tag_matches_weakly_and_a_foreign_one_never() {
        let weak = parse(&["W/\"3\""]).unwrap().unwrap();
        assert!(weak.contains_weakly(3) && !weak.contains(3));
        for foreign in ["\"abc\"", "\"03\"", "\"+3\"", "\"-1\"", "\"\"", "\"3,4\"", "\"\u{e9}\""] {
            let tags = parse(&[foreign]).unwrap().unwrap();
            assert!(!(0..10).any(|revision| tags.contains_weakly(revision)), "{foreign}");
        }
    }

    #[test]
    fn a_malformed_list_is_refused() {
        for lines in [
            &["3"][..],
            &["\"3"],
            &[""],
            &[","],
            &["* , *"],
            &["*", "*"],
            &["\"3\"x"],
            &["w/\"3\""],
            &["\"3\" \"4\"x"],
        ] {
            assert_eq!(parse(lines), Err(MalformedEntityTags), "{lines:?}");
        }
    }
}
