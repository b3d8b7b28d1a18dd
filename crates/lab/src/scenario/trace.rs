//! The trace of an act: what was sent, what was stored and what was decided, frame by frame.

use serde::Serialize;
use serde_json::Value;

/// The JSON Schema of [`Trace`].
pub const TRACE_SCHEMA: &str = include_str!("lab-trace-1.json");

/// What happened in an act.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Trace {
    /// `counterfoil/lab-trace/1`.
    pub schema: &'static str,
    /// The act.
    pub act: &'static str,
    /// How far the clock of the lab was ahead of the machine's at the end, in milliseconds.
    pub clock_offset_ms: u64,
    /// The steps of the act in words, in order.
    pub steps: Vec<&'static str>,
    /// The frames, in order.
    pub frames: Vec<Frame>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Frame {
    /// Its number, from 1.
    pub n: usize,
    /// Milliseconds of real time since the act began.
    pub at_ms: f64,
    /// The number of its step, from 1.
    pub step: usize,
    /// The mode, if it is about one.
    pub mode: Option<TraceMode>,
    /// Who acts.
    pub from: Place,
    /// Who is addressed.
    pub to: Place,
    /// What kind of event it is.
    pub kind: FrameKind,
    /// What was sent, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
    /// What the issuer has stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// What was decided about a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The event in words.
    pub text: String,
}

/// A mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceMode {
    /// A session with a cookie.
    Session,
    /// A JWT.
    Jwt,
    /// A JWT with a refresh token.
    Hybrid,
}

/// A participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The client that logged in.
    Client,
    /// A client with a copy of a credential.
    Thief,
    /// The server that issues credentials.
    Issuer,
    /// A service that follows the revocation feed.
    A,
    /// As `A`, with a network between it and the issuer that can be cut.
    B,
    /// A service that has the public keys only.
    KeysOnly,
    /// A service that checks the signature and `exp` only, without leeway.
    Guide,
    /// The store of the issuer.
    Store,
}

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    /// A request.
    Request,
    /// The answer to the request before it.
    Answer,
    /// A change of a stored record.
    Store,
    /// New entries of the revocation log.
    Log,
    /// A decision about a credential.
    Verdict,
    /// Something else, such as an advanced clock.
    Note,
}

/// The bytes of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wire {
    /// The first line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
    /// The size of both in bytes.
    pub bytes: usize,
}

/// A stored record before and after a change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Kept {
    /// The kind of the record.
    pub table: &'static str,
    /// The record before; null if it did not exist.
    pub before: Value,
    /// The record after.
    pub after: Value,
}

/// A decision about a credential.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the credential was accepted.
    pub accepted: bool,
    /// The status.
    pub status: u16,
    /// The code of the problem, if it was refused.
    pub reason: Option<String>,
    /// How long the whole exchange took at the client, in nanoseconds.
    pub took_ns: u64,
    /// Milliseconds by the clock of the lab since the event that the act is about, if it has happened.
    pub after_ms: Option<f64>,
}

impl Place {
    /// Its name in texts.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Thief => "thief",
            Self::Issuer => "issuer",
            Self::A => "service A",
            Self::B => "service B",
            Self::KeysOnly => "keys only",
            Self::Guide => "signature and exp only",
            Self::Store => "store",
        }
    }
}

impl TraceMode {
    /// Its name in texts.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "JWT",
            Self::Hybrid => "hybrid",
        }
    }
}
