//! How long a store keeps the row of a session after its end or expiry.

use std::time::Duration;

/// How long a session is kept after it was ended.
///
/// An ended session is kept to recognise a used refresh token that is presented late, to name the session's
/// user in the audit log, and to keep a writer that read the session before its end from restoring it. After
/// a day a used refresh token is answered like an unknown one.
pub const ENDED_SESSION_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after its expiry a session is recorded as expired.
///
/// It is longer than a request and the delay with which uses are written, so that a session in use is not recorded.
pub const EXPIRY_RECORD_DELAY: Duration = Duration::from_secs(60);

/// How long a session is kept after it has expired by itself.
///
/// A session that has expired by idling can have been exchanged for an access token just before, and that token can be
/// revoked only as long as the session is found. So it is kept for longer than an exchanged token lives
/// ([`MAX_EXCHANGED_LIFETIME`](crate::services::issuer::MAX_EXCHANGED_LIFETIME)), with the leeway of verifiers and the
/// delay with which uses are written. Not longer, because expired sessions are visited with the live ones, and a client
/// with short lifetimes makes many of them.
pub const EXPIRED_SESSION_RETENTION: Duration = Duration::from_secs(17 * 60);
