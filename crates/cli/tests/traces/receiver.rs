//! A collector of traces that decodes the parts of the protobuf messages that the tests check (OTLP 1.x, `trace.proto`).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver as Channel, Sender};
use std::thread;

/// A request with a batch of spans.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) path: String,
    /// The header `x-key`.
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) spans: Vec<Span>,
}

/// A span, with ids in hex.
#[derive(Debug, Default)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The status message, if there is a status.
    pub(crate) status: Option<String>,
}

/// Listens, and keeps the received requests.
pub(crate) struct Receiver {
    pub(crate) url: String,
    sent: Channel<Sent>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, sent) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || serve(stream.unwrap(), &sender));
            }
        });
        Self { url, sent }
    }

    /// The requests that have been answered so far.
    pub(crate) fn all(&self) -> Vec<Sent> {
        self.sent.try_iter().collect()
    }
}

/// Receives the requests of one connection, and keeps each before answering it.
fn serve(mut stream: TcpStream, sender: &Sender<Sent>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(sent) = receive(&mut reader) {
        sender.send(sent).unwrap();
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Sent> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let headers = headers(reader);
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut sent = Sent { path: first.split(' ').nth(1).unwrap().to_owned(), ..Sent::default() };
    sent.key = headers.get("x-key").cloned().unwrap_or_default();
    sent.body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut sent.body).unwrap();
    let resource_spans = &fields(&sent.body)[&1][0];
    let message = fields(resource_spans.bytes());
    sent.resource = attributes(&fields(message[&1][0].bytes())[&1]);
    for scope in &message[&2] {
        sent.spans.extend(fields(scope.bytes())[&2].iter().map(|span| decode_span(span.bytes())));
    }
    Some(sent)
}

fn headers(reader: &mut BufReader<TcpStream>) -> BTreeMap<String, String> {
    let lines = reader.lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let split =
        lines.map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned())));
    split.flatten().map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}

fn decode_span(bytes: &[u8]) -> Span {
    let message = fields(bytes);
    let first = |number: u64| message.get(&number).map(|values| &values[0]);
    let text = |number| first(number).map(|value| String::from_utf8(value.bytes().to_vec()).unwrap());
    let id =
        |number| first(number).map(|value| value.bytes().iter().map(|byte| format!("{byte:02x}")).collect());
    Span {
        trace: id(1).unwrap(),
        parent: id(4).unwrap_or_default(),
        name: text(5).unwrap(),
        kind: first(6).map_or(0, Value::number),
        attributes: message.get(&9).map(|values| attributes(values)).unwrap_or_default(),
        status: first(15)
            .map(Value::bytes)
            .filter(|status| !status.is_empty())
            .map(|status| format!("{status:?}")),
    }
}

/// Keys and values; numbers are in decimal.
fn attributes(pairs: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| String::from_utf8(value.bytes().to_vec()).unwrap();
    let pair = |pair: &Value| {
        let pair = fields(pair.bytes());
        let value = fields(pair[&2][0].bytes());
        let string = value.get(&1).map(|string| text(&string[0]));
        let number = || value.get(&3).map(|number| number[0].number().to_string());
        (text(&pair[&1][0]), string.or_else(number).unwrap_or_default())
    };
    pairs.iter().map(pair).collect()
}

/// The value of a field of a message.
#[derive(Debug)]
enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Value {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => panic!("a number"),
        }
    }

    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Bytes(_) => panic!("bytes"),
        }
    }
}

/// The fields of a message by their numbers.
fn fields(mut bytes: &[u8]) -> BTreeMap<u64, Vec<Value>> {
    let mut found: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut bytes)),
            1 => Value::Bytes(take(&mut bytes, 8)),
            2 => {
                let length = varint(&mut bytes);
                Value::Bytes(take(&mut bytes, usize::try_from(length).unwrap()))
            }
            5 => Value::Bytes(take(&mut bytes, 4)),
            other => panic!("wire type {other}"),
        };
        found.entry(tag >> 3).or_default().push(value);
    }
    found
}

fn take(bytes: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken.to_vec()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
