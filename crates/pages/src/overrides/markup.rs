//! The tags of a page, as a browser reads them (HTML Living Standard, section 13.2.5), without building a document.

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tag {
    /// `<p class=x>`
    Start(Element),
    /// `</p>`
    End(String),
}

/// The start of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    /// The name, in lower case.
    pub(super) name: String,
    /// The attributes: names in lower case, values without character references.
    pub(super) attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute; empty if it has none.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Elements whose content is text up to their end.
const TEXT_ONLY: [&str; 4] = ["script", "style", "textarea", "title"];

/// Every tag, in order. Comments and declarations are none.
pub(super) fn tags(html: &str) -> Vec<Tag> {
    let (mut tags, mut rest) = (Vec::new(), html);
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
        } else if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = name(end);
            rest = after;
            tags.push(Tag::End(name));
        } else if rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let (element, after) = element(rest);
            rest = after;
            if TEXT_ONLY.contains(&element.name.as_str()) {
                rest = from_end_of(&element.name, rest);
            }
            tags.push(Tag::Start(element));
        }
    }
    tags
}

/// The text from the end tag of an element.
fn from_end_of<'a>(name: &str, text: &'a str) -> &'a str {
    let is_end =
        |at: &usize| text.get(at + 2..at + 2 + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name));
    text.match_indices("</").map(|(at, _)| at).find(is_end).map_or("", |at| &text[at..])
}

/// The name of a tag, and what follows it.
fn name(text: &str) -> (String, &str) {
    let end = text.find(|next: char| next.is_ascii_whitespace() || "/>".contains(next)).unwrap_or(text.len());
    (text[..end].to_ascii_lowercase(), &text[end..])
}

/// An element without its `<`, and what follows its `>`.
fn element(text: &str) -> (Element, &str) {
    let (name, mut rest) = name(text);
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start_matches(|next: char| next.is_ascii_whitespace() || next == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (Element { name, attributes }, after);
        }
        if rest.is_empty() {
            return (Element { name, attributes }, rest);
        }
        let (attribute, after) = attribute(rest);
        rest = after;
        // A browser takes the first of two.
        if !attributes.iter().any(|(known, _)| *known == attribute.0) {
            attributes.push(attribute);
        }
    }
}

/// An attribute, and what follows it. The text is not empty and begins neither with a space nor with `>`.
fn attribute(text: &str) -> ((String, String), &str) {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(|next: char| next.is_ascii_whitespace() || "/>=".contains(next));
    let (name, after) = text.split_at(end.map_or(text.len(), |end| first + end));
    let name = name.to_ascii_lowercase();
    let Some(value) = after.trim_ascii_start().strip_prefix('=') else {
        return ((name, String::new()), after);
    };
    let value = value.trim_ascii_start();
    let (value, rest) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
        _ => value.split_at(
            value.find(|next: char| next.is_ascii_whitespace() || next == '>').unwrap_or(value.len()),
        ),
    };
    ((name, decode(value)), rest)
}

/// The value without the character references that templates write, and numeric ones.
fn decode(value: &str) -> String {
    let mut parts = value.split('&');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest))) {
            Some((character, rest)) => {
                decoded.push(character);
                decoded.push_str(rest);
            }
            None => {
                decoded.push('&');
                decoded.push_str(part);
            }
        }
    }
    decoded
}

fn character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            number.ok().and_then(char::from_u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(name: &str, attributes: &[(&str, &str)]) -> Tag {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Tag::Start(Element { name: name.to_owned(), attributes: attributes.iter().map(own).collect() })
    }

    #[test]
    fn tags_are_read_as_a_browser_reads_them() {
        let html = "<!DOCTYPE html><P class='a b'title=\"x>y\">1 < 2<br/></p ><!-- <i> --><input value=a/b required>";
        let expected = [
            element("p", &[("class", "a b"), ("title", "x>y")]),
            element("br", &[]),
            Tag::End("p".to_owned()),
            element("input", &[("value", "a/b"), ("required", "")]),
        ];
        assert_eq!(tags(html), expected);
    }

    #[test]
    fn a_value_without_quotes_ends_at_a_space() {
        let expected = element("a", &[("title", "<b>"), ("onclick", "x"), ("=", "")]);
        assert_eq!(tags("<a title=&lt;b&gt; ONCLICK = x =>"), [expected]);
    }

    #[test]
    fn the_content_of_a_script_is_no_markup() {
        let expected =
            [element("script", &[("src", "/a&b")]), Tag::End("script".to_owned()), element("i", &[])];
        assert_eq!(tags("<script src=\"&#x2f;a&amp;b\">'<b></'</SCRIPT><i>"), expected);
    }

    #[test]
    fn a_text_that_ends_within_a_tag_ends_it() {
        for html in ["<", "</", "<a", "<a b", "<a b=", "<a b=\"c", "<a b='", "<!--", "<script>", "<\u{fc}"] {
            assert!(tags(html).len() <= 1, "{html}");
        }
    }
}
