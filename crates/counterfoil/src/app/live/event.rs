//! The text of server-sent events (HTML Living Standard, section 9.2.6).

use bytes::Bytes;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its id. A client that connects again sends the last one as `Last-Event-ID`.
    pub(crate) id: Option<u64>,
    /// Its type.
    pub(crate) name: &'static str,
    /// Its data. It may have several lines.
    pub(crate) data: String,
}

impl Event {
    /// The text of the event.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let id = self.id.map_or_else(String::new, |id| format!("id: {id}\n"));
        let mut text = format!("{id}event: {}\n", self.name);
        // A carriage return alone would end a line, too.
        for line in self.data.split(['\n', '\r']) {
            text.extend(["data: ", line, "\n"]);
        }
        text.push('\n');
        text.into()
    }
}

/// What a stream begins with: after how many milliseconds a client connects again, and the id from which on it continues if
/// no event has one before. Without data it is no event.
pub(crate) fn beginning(retry_ms: u64, id: u64) -> Bytes {
    format!("retry: {retry_ms}\nid: {id}\n\n").into()
}

/// A comment, which keeps proxies from closing a quiet connection.
pub(crate) const KEEP_ALIVE: Bytes = Bytes::from_static(b":\n\n");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_ends_a_line_of_its_own() {
        let event = Event { id: Some(7), name: "audit", data: "a\nid: 9\r\rb".to_owned() };

        assert_eq!(event.to_bytes(), "id: 7\nevent: audit\ndata: a\ndata: id: 9\ndata: \ndata: b\n\n");
        assert_eq!(beginning(2_000, 7), "retry: 2000\nid: 7\n\n");
    }
}
