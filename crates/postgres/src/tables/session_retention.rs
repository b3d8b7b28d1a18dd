//! How long the row of a session is kept after its end or expiry.

use std::time::Duration;

/// How long a session is kept after it was ended.
///
/// An ended session is kept to recognise a used refresh token that is presented late, to name the session's
/// user in the audit log, and to keep a writer that read the session before its end from restoring it. After
/// a day a used refresh token is answered like an unknown one.
pub(super) const ENDED_SESSION_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after its expiry a session is recorded as expired.
///
/// It is longer than a request and the delay with which uses are written, so that a session in use is not recorded.
pub(super) const EXPIRY_RECORD_DELAY: Duration = Duration::from_secs(60);
