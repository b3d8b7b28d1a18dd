//! What `AuthLayer` found out, as it travels with the request.

use http::Extensions;

use crate::auth_error::Denied;
use crate::http::credentials::Shown;
use crate::principal::Principal;

/// Who is calling, or why that is not known; an extension of each request that came through an
/// [`AuthLayer`](crate::http::auth_layer::AuthLayer).
#[derive(Debug, Clone)]
pub struct Identity {
    judged: Result<Principal, Denied>,
    shown: Shown,
}

impl Identity {
    pub(crate) const fn new(judged: Result<Principal, Denied>, shown: Shown) -> Self {
        Self { judged, shown }
    }

    /// What was found out about this request; `None` if it came through no layer.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Who is calling.
    ///
    /// # Errors
    ///
    /// Why it is nobody that we know.
    pub const fn principal(&self) -> Result<&Principal, &Denied> {
        self.judged.as_ref()
    }

    /// Who is calling, where it need not be anybody: `None` if nothing was shown, or a cookie that
    /// is worth nothing any more, which a browser goes on showing until it is cleared.
    ///
    /// # Errors
    ///
    /// A *bearer* that is worth nothing: whoever takes the trouble to send one must learn of it. And
    /// whatever leaves it open who is calling: that is not nobody.
    pub fn optional(&self) -> Result<Option<&Principal>, &Denied> {
        match (&self.judged, self.shown) {
            (Ok(principal), _) => Ok(Some(principal)),
            (Err(Denied::Missing), _) | (Err(Denied::Invalid(_)), Shown::Cookie) => Ok(None),
            (Err(denied), _) => Err(denied),
        }
    }

    /// How the credential came.
    pub const fn shown(&self) -> Shown {
        self.shown
    }
}
