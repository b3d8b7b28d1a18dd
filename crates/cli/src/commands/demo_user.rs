//! The users of `dev` and `demo`, whose password is public.

use counterfoil::operator::Command;
use counterfoil_jose::Secret;

/// The demo user. Its password is public, which is why `dev` listens only on loopback.
pub(crate) const USERNAME: &str = "demo";
/// The administrator of `dev`, for the console. It has the password of the demo user.
pub(crate) const ADMINISTRATOR: &str = "root";
/// Every user with the public password.
pub(crate) const PUBLIC_USERS: [&str; 2] = [USERNAME, ADMINISTRATOR];
/// The password of the demo user and of the administrator.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The command that adds the demo user.
pub(crate) fn add_demo_user() -> Command {
    add_user(USERNAME, Vec::new())
}

/// The command that adds the administrator.
pub(crate) fn add_administrator() -> Command {
    add_user(ADMINISTRATOR, vec!["admin".to_owned()])
}

fn add_user(username: &str, roles: Vec<String>) -> Command {
    let password = Secret::new(PASSWORD.to_owned());
    Command::UserAdd { username: username.to_owned(), password, email: None, roles }
}
