//! Tests of an application's handlers: principals without a token, a clock, and sessions in one line.

use counterfoil_core::model::session::Mode;

use crate::embed::Counterfoil;
use crate::embed::client_info::ClientInfo;
use crate::embed::credentials::Credentials;
use crate::embed::error::{Error, ErrorKind};
use crate::embed::login::{LoginOutcome, NewUser};

pub use counterfoil_verify::testing::{
    FixedAuthenticator, ManualClock, PrincipalBuilder, authenticate_request,
};
pub use counterfoil_verify::{
    Freshness, RevocationEntry, RevocationPosition, RevocationQuery, RevocationStatus, RevocationSubject,
    Revocations,
};

#[doc(hidden)]
pub use crate::feed::simulated::SimulatedFeed;

/// The password of the users that [`session`] registers.
const PASSWORD: &str = "a password for tests only";

/// A new session of the user `username`, with its tokens and cookies. The user is registered at the first call.
///
/// # Errors
///
/// If there is a user with this name and another password, or the store fails.
///
/// ```
/// use counterfoil::{Counterfoil, Mode, testing};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let store = format!("sqlite:{}/auth.db", dir.path().display());
/// let auth = Counterfoil::open(&store).await?;
/// let session = testing::session(&auth, "ada", Mode::Jwt).await?;
/// let header = format!("Bearer {}", session.access_token().unwrap_or_default());
/// # assert!(header.len() > 100);
/// auth.close().await?;
/// # Ok(())
/// # }
/// ```
pub async fn session(auth: &Counterfoil, username: &str, mode: Mode) -> Result<LoginOutcome, Error> {
    let client = ClientInfo::default();
    match auth.register(&client, NewUser::new(username, PASSWORD)).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::UsernameTaken => {}
        Err(error) => return Err(error),
    }
    auth.login(&client, Credentials::password(username, PASSWORD).mode(mode)).await
}
