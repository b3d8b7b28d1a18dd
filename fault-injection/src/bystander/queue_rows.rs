//! A row for each queue: connections, request bodies, HTTP/2 streams, and reads of much data.

use crate::bystander::row::{Listener, Row};
use crate::http::Request;

pub(super) const ROWS: &[Row] = &[
    Row::open("connects and closes", 0, Vec::new),
    Row::open("connects and stays silent", 60, Vec::new),
    Row::open("keeps silent connections open", 400, Vec::new),
    Row::open("sends half a header", 400, || b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n".to_vec()),
    Row::open("sends half a body", 400, || {
        b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n{".to_vec()
    }),
    Row::open("reads no responses", 40, || {
        b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100)
    }),
    Row::open("opens HTTP/2 without a request", 400, http2_start),
    Row::open("opens HTTP/2, sends a request and stays idle", 400, || {
        [http2_start(), headers(1, END_STREAM, GET_HEALTHZ)].concat()
    }),
    Row::open("starts HTTP/2 streams without an end", 40, || {
        let streams = (0..32).map(|number| headers(2 * number + 1, 0, POST_LOGIN));
        [http2_start(), streams.collect::<Vec<_>>().concat()].concat()
    }),
    Row::open("starts and resets HTTP/2 streams", 8, || {
        let streams = (0..1_000).map(|number| {
            let stream = 2 * number + 1;
            [headers(stream, END_STREAM, GET_HEALTHZ), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
        });
        [http2_start(), streams.collect::<Vec<_>>().concat()].concat()
    }),
    Row::open_at(Listener::Metrics, "keeps connections to the metrics open", 60, Vec::new),
    Row::open_at(Listener::AdminSocket, "keeps connections to the admin socket open", 60, Vec::new),
    Row::send("sends bodies of the largest size", &[], |_, _| {
        let padding = " ".repeat(60_000);
        Request::post("/v1/login").body("application/json", &format!("{{{padding}}}"))
    }),
    Row::many_sessions("lists and ends 40,000 ended sessions", |from, number| match number % 3 {
        0 => Request::get("/v1/sessions?limit=1000").bearer(&from.session_token),
        1 => Request::new("DELETE", "/v1/sessions?except=current").bearer(&from.session_token),
        _ => from.login(),
    }),
    Row::many_sessions("reads much as an administrator", |from, number| {
        let path = match number % 3 {
            0 => format!("/v1/admin/users/{}/sessions?limit=1000", from.user_id),
            1 => "/v1/admin/events?limit=1000".to_owned(),
            _ => "/v1/admin/users?limit=1000".to_owned(),
        };
        Request::get(&path).bearer(&from.target.admin_key)
    }),
];

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The header block of `GET /healthz` (RFC 7541, section 6): indexed fields, and literals that are not indexed.
const GET_HEALTHZ: &[u8] = b"\x82\x86\x04\x08/healthz\x01\x01x";
/// The header block of `POST /v1/login` with a JSON content type.
const POST_LOGIN: &[u8] = b"\x83\x86\x04\x09/v1/login\x01\x01x\x0f\x10\x10application/json";

/// The preface of a client, and an empty SETTINGS frame (RFC 9113, section 3.4).
fn http2_start() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat()
}

fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, block)
}

/// A frame of less than 256 bytes (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("the payloads of this file are short");
    let mut bytes = vec![0, 0, length, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}
