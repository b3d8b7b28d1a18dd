//! The administrator who receives a stream, and until when.

use std::error::Error;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use counterfoil_core::credentials::admin_key::AdminKeyId;
use counterfoil_core::model::admin_key::{AdminKeyRecord, KeyCreator};
use counterfoil_verify::{CredentialEnd, Ended, Principal, UserId};

use crate::app::App;
use crate::app::live::StreamOwner;
use crate::runtime::stream_body::{AskedPermission, Permission};

/// Who receives a stream.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// For whom the stream counts.
    pub(crate) owner: StreamOwner,
    /// With what the viewer was authenticated.
    pub(crate) credential: ViewerCredential,
}

/// The credential of a viewer.
#[derive(Debug, Clone)]
pub(crate) enum ViewerCredential {
    /// A session token or an access token of a user.
    Principal(Principal),
    /// An admin key, which nothing but the store knows.
    AdminKey(AdminKeyId),
}

impl Viewer {
    /// A user, authenticated as `principal`.
    pub(crate) const fn user(user: UserId, principal: Principal) -> Self {
        Self { owner: StreamOwner::User(user), credential: ViewerCredential::Principal(principal) }
    }

    /// A program with an admin key.
    pub(crate) const fn admin_key(key: &AdminKeyRecord) -> Self {
        let owner = match key.created_by {
            KeyCreator::User(user) => StreamOwner::User(user),
            KeyCreator::Operator => StreamOwner::OperatorKey(key.id),
        };
        Self { owner, credential: ViewerCredential::AdminKey(key.id) }
    }
}

/// Why a viewer gets no further part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ViewerEnd {
    /// The credential of a user is no longer accepted.
    Credential(CredentialEnd),
    /// The admin key was removed.
    KeyRemoved,
    /// It cannot be determined whether the admin key is still valid; the log has the cause.
    KeyUnknown,
}

impl ViewerCredential {
    /// Permits parts until the credential ends. `last` makes what follows them: for the end, and the number of parts before it.
    pub(crate) fn permission(
        &self,
        app: &App,
        mut last: impl FnMut(ViewerEnd, usize) -> Option<Bytes> + Send + 'static,
    ) -> Box<dyn Permission> {
        match self {
            Self::Principal(principal) => {
                let last = move |end, sent| last(ViewerEnd::Credential(end), sent);
                Box::new(UntilEnd { ended: principal.ended(), last })
            }
            Self::AdminKey(key) => {
                let (app, key) = (app.clone(), *key);
                Box::new(AskedPermission::new(move || check_admin_key(app.clone(), key), last))
            }
        }
    }

    /// Resolves when the credential ends. Never for an admin key, of which only the store knows it.
    async fn ended(&self) -> CredentialEnd {
        match self {
            Self::Principal(principal) => principal.ended().await,
            Self::AdminKey(_) => pending().await,
        }
    }
}

/// An error unless an admin key is still valid, and this node would know if it were not.
async fn check_admin_key(app: App, key: AdminKeyId) -> Result<(), ViewerEnd> {
    let found = app.parts.store.admin_key(key).await.map_err(|error| unknown(&error))?;
    found.ok_or(ViewerEnd::KeyRemoved)?;
    // What was read without a lease may be older than the removal.
    app.check_freshness().map_err(|error| unknown(&error))
}

fn unknown(error: &dyn Error) -> ViewerEnd {
    tracing::warn!(%error, "a stream ended: it cannot be determined whether its admin key is still valid");
    ViewerEnd::KeyUnknown
}

/// Permits parts until the end of the credential of a user.
struct UntilEnd<L> {
    ended: Ended,
    last: L,
}

impl<L: FnMut(CredentialEnd, usize) -> Option<Bytes> + Send + 'static> Permission for UntilEnd<L> {
    fn poll_permitted(&mut self, context: &mut Context<'_>, sent: usize) -> Poll<Result<(), Option<Bytes>>> {
        // A revocation is published before it is acknowledged, and is seen here from then on.
        match Pin::new(&mut self.ended).poll(context) {
            Poll::Ready(end) => Poll::Ready(Err((self.last)(end, sent))),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

/// What ends a stream before everything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The server shuts down.
    Shutdown,
    /// The credential is no longer accepted.
    CredentialEnd(CredentialEnd),
}

/// Runs `sending` until it is over, the credential ends or the server shuts down: also while something is read, or while the client
/// does not read.
///
/// # Errors
///
/// What has interrupted it.
pub(crate) async fn send_until_end<T>(
    app: &App,
    credential: &ViewerCredential,
    sending: impl Future<Output = T>,
) -> Result<T, Interruption> {
    tokio::select! {
        biased;
        () = app.parts.live.closed() => Err(Interruption::Shutdown),
        end = credential.ended() => Err(Interruption::CredentialEnd(end)),
        sent = sending => Ok(sent),
    }
}
