//! HTTP/1.1 as our own server writes it, read with as little work as possible: the client must be faster than
//! what it measures.

/// One answer, whole.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer at the beginning of `bytes`, once all of it is there.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let head = find(bytes, b"\r\n\r\n")?;
        let status = std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()?;
        let length = content_length(&bytes[..head + 2]);
        let body = bytes.get(head + 4..head + 4 + length)?;
        Some(Self { status, body })
    }

    /// The text member `name` of a JSON body.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        let begin = format!("\"{name}\":\"");
        let rest = &self.body[find(self.body, begin.as_bytes())? + begin.len()..];
        std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == b'"')?]).ok()
    }
}

/// What the head says, or 0 where it says nothing (204).
fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let Some(begin) = find(head, NAME) else { return 0 };
    let digits = head[begin + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nx: y\r\n\r\n{\"token\":\"abc\"}";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let answer = Answer::read(BYTES).unwrap();
        assert_eq!((answer.status, answer.body.len(), answer.text("token")), (200, 15, Some("abc")));

        for part in 0..BYTES.len() {
            assert!(Answer::read(&BYTES[..part]).is_none(), "{part}");
        }
    }

    #[test]
    fn an_answer_without_a_body_is_whole_too() {
        assert_eq!(Answer::read(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n").unwrap().status, 204);
    }
}
