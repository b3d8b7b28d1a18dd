//! The seam between HTTP and judgement: shown a credential and told the time, say who it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use counterfoil_jose::Time;

use crate::auth_error::Denied;
use crate::credential::Presented;
use crate::principal::Principal;

/// Tells the time to whoever stands at the edge. Everything further in is told.
///
/// Any `Fn() -> Time` is one.
pub trait Now: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Time;
}

impl<F> Now for F
where
    F: Fn() -> Time + Send + Sync + 'static,
{
    fn now(&self) -> Time {
        self()
    }
}

/// Says who it is that shows a credential.
///
/// Unknown is denied: whatever goes wrong is an `Err`, and nothing shown is [`Denied::Missing`].
pub trait Authenticate: Send + Sync + 'static {
    /// Judges `presented` at `now`, at once where nothing has to be waited for.
    fn authenticate(&self, presented: Presented<'_>, now: Time) -> Decision;
}

/// A judgement, or the promise of one.
///
/// Two variants instead of one future, so that on the warm path nothing is boxed.
#[must_use]
pub enum Decision {
    /// Judged.
    Ready(Result<Principal, Denied>),
    /// The store or the issuer has to be asked. Dropping the future abandons the question.
    Later(Pin<Box<dyn Future<Output = Result<Principal, Denied>> + Send>>),
}

impl Decision {
    /// Waits for the judgement, if it is not there yet.
    pub async fn wait(self) -> Result<Principal, Denied> {
        match self {
            Self::Ready(judged) => judged,
            Self::Later(judged) => judged.await,
        }
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(judged) => f.debug_tuple("Ready").field(judged).finish(),
            Self::Later(_) => f.write_str("Later(..)"),
        }
    }
}
