//! The user of `dev` and `demo`, whose password is public.

use counterfoil::operator::Command;
use counterfoil_jose::Secret;

/// The demo user. Its password is public, which is why `dev` listens only on loopback.
pub(crate) const USERNAME: &str = "demo";
/// The password of the demo user.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The command that adds the demo user.
pub(crate) fn add_demo_user() -> Command {
    Command::UserAdd {
        username: USERNAME.to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
        email: None,
        roles: Vec::new(),
    }
}
