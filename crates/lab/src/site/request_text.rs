//! A recorded request as text: with its credentials marked, and as a command.

use counterfoil_pages::view::lab::Piece;

use crate::scenario::trace::Wire;

/// What the credentials of a client begin with.
const PREFIXES: [&str; 3] = ["cfs_", "cfr_", "eyJ"];

/// The request in pieces, of which some are credentials.
pub(super) fn pieces(wire: &Wire) -> Vec<Piece> {
    let body = if wire.body.is_empty() { String::new() } else { format!("\n\n{}", wire.body) };
    let text = format!("{}{body}", wire.head.replace("\r\n", "\n"));
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some(start) = PREFIXES.iter().filter_map(|prefix| rest.find(prefix)).min() {
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
        let length = rest[start..].find(is_end).unwrap_or(rest.len() - start);
        let piece = |text: &str, is_credential| Piece { text: text.to_owned(), is_credential };
        pieces.extend([piece(&rest[..start], false), piece(&rest[start..start + length], true)]);
        rest = &rest[start + length..];
    }
    pieces.push(Piece { text: rest.to_owned(), is_credential: false });
    pieces
}

/// How many bytes of a request are the header with the credential.
pub(super) fn credential_header_size(wire: &Wire) -> Option<usize> {
    let is_credential = |line: &&str| line.starts_with("cookie:") || line.starts_with("authorization:");
    wire.head.lines().find(is_credential).map(|line| line.len() + "\r\n".len())
}

/// A command that sends the request, to paste into a POSIX shell.
pub(super) fn command(wire: &Wire) -> String {
    let mut lines = wire.head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("/");
    let (mut host, mut options) = ("", String::new());
    for line in lines {
        match line.split_once(": ") {
            Some(("host", value)) => host = value,
            Some(("content-length", _) | ("accept", "*/*")) | None => {}
            Some(_) => options.push_str(&format!(" -H {}", quoted(line))),
        }
    }
    if !wire.body.is_empty() {
        options.push_str(&format!(" -d {}", quoted(&wire.body)));
    }
    format!("curl -i {}{options}", quoted(&format!("http://{host}{path}")))
}

/// The text in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(head: &str, body: &str) -> Wire {
        Wire { head: head.to_owned(), body: body.to_owned(), bytes: head.len() + body.len() + 4 }
    }

    #[test]
    fn credentials_are_marked_in_headers_and_bodies() {
        let request = wire(
            "GET /a HTTP/1.1\r\ncookie: counterfoil-session=cfs_a.b; x=y",
            r#"{"refresh_token":"cfr_c.0.d","access_token":"eyJe.f.g"}"#,
        );

        let pieces = pieces(&request);

        let marked: Vec<&str> =
            pieces.iter().filter(|piece| piece.is_credential).map(|piece| piece.text.as_str()).collect();
        assert_eq!(marked, ["cfs_a.b", "cfr_c.0.d", "eyJe.f.g"]);
        let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert!(text.contains("; x=y\n\n{\"refresh_token\""), "{text}");
    }

    #[test]
    fn a_command_sends_the_same_request() {
        let head = "POST /v1/login HTTP/1.1\r\nhost: 127.0.0.1:1\r\naccept: */*\r\norigin: http://127.0.0.1:1\r\n\
                    content-type: application/json\r\ncontent-length: 9";

        let command = command(&wire(head, "{\"a\":\"'\"}"));

        let expected = r#"curl -i 'http://127.0.0.1:1/v1/login' -H 'origin: http://127.0.0.1:1' -H 'content-type: application/json' -d '{"a":"'\''"}'"#;
        assert_eq!(command, expected);
    }
}
