//! HTTP/1.1 responses in the form that the measured server sends, parsed with as little work as possible: the
//! client must be faster than the server.

/// One complete response.
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Response<'a> {
    /// The response at the beginning of `bytes`; `None` until all of it has arrived.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head = find(bytes, b"\r\n\r\n")?;
        let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
        let length = content_length(&bytes[..head + 2]);
        let body = bytes.get(head + 4..head + 4 + length)?;
        Some(Self { status, body })
    }

    /// The string member `name` of a JSON body.
    #[must_use]
    pub fn json_string(&self, name: &str) -> Option<&'a str> {
        json_string(self.body, name)
    }
}

/// The string member `name` of JSON without spaces between its tokens.
pub(crate) fn json_string<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let start = format!("\"{name}\":\"");
    let rest = &json[find(json, start.as_bytes())? + start.len()..];
    std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == b'"')?]).ok()
}

/// The value of `content-length`, or 0 without it (status 204).
fn content_length(head: &[u8]) -> usize {
    // As axum writes it, and as Node writes it.
    const NAMES: [&[u8]; 2] = [b"\r\ncontent-length: ", b"\r\nContent-Length: "];
    let Some(start) = NAMES.iter().find_map(|name| find(head, name)) else { return 0 };
    let digits = head[start + NAMES[0].len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nx: y\r\n\r\n{\"token\":\"abc\"}";

    #[test]
    fn a_response_is_parsed_once_it_is_complete() {
        let response = Response::parse(BYTES).unwrap();
        let found = (response.status, response.body.len(), response.json_string("token"));
        assert_eq!(found, (200, 15, Some("abc")));

        for length in 0..BYTES.len() {
            assert!(Response::parse(&BYTES[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn a_response_without_a_body_is_complete() {
        assert_eq!(Response::parse(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n").unwrap().status, 204);
    }
}
