//! The acts of the lab.

use std::fmt;
use std::str::FromStr;

/// The event of an act that ends nothing.
const LOGIN: &str = "the login";

/// Something that is done with a login in each mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Logs in.
    Login,
    /// Requests a protected route at all places.
    Call,
    /// Logs out, and asks all places.
    Logout,
    /// Advances the clock until each credential ends.
    Expire,
    /// Rotates a refresh token, repeats it, and reuses it.
    Refresh,
    /// Uses a copy of each credential.
    Steal,
    /// Changes the password.
    Password,
    /// Rotates the signing key.
    Rotate,
    /// Revokes the signing key.
    RevokeKey,
    /// Cuts the network of a service.
    Cut,
    /// Stops the issuer.
    IssuerDown,
    /// Makes every call of the store fail.
    StoreDown,
    /// Sends a form from another origin.
    OtherSite,
    /// Looks for the credential as the script of a page.
    Script,
    /// Presents forged tokens.
    Tamper,
}

/// A name that is no act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an act; the acts are {acts}", acts = Act::names())]
pub struct UnknownAct(String);

impl Act {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Login,
        Self::Call,
        Self::Logout,
        Self::Expire,
        Self::Refresh,
        Self::Steal,
        Self::Password,
        Self::Rotate,
        Self::RevokeKey,
        Self::Cut,
        Self::IssuerDown,
        Self::StoreDown,
        Self::OtherSite,
        Self::Script,
        Self::Tamper,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Call => "call",
            Self::Logout => "logout",
            Self::Expire => "expire",
            Self::Refresh => "refresh",
            Self::Steal => "steal",
            Self::Password => "password",
            Self::Rotate => "rotate",
            Self::RevokeKey => "revoke-key",
            Self::Cut => "cut",
            Self::IssuerDown => "issuer-down",
            Self::StoreDown => "store-down",
            Self::OtherSite => "other-site",
            Self::Script => "script",
            Self::Tamper => "tamper",
        }
    }

    /// What it does, as a button says it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Login => "Log in",
            Self::Call => "Call",
            Self::Logout => "Log out",
            Self::Expire => "Expire",
            Self::Refresh => "Refresh",
            Self::Steal => "Steal it",
            Self::Password => "Change the password",
            Self::Rotate => "Rotate the key",
            Self::RevokeKey => "Revoke the key",
            Self::Cut => "Cut the network",
            Self::IssuerDown => "Stop the issuer",
            Self::StoreDown => "Store down",
            Self::OtherSite => "Form of another site",
            Self::Script => "Script of the page",
            Self::Tamper => "Tamper",
        }
    }

    /// What happens in it, in a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Login => "A login in each mode, and what is stored of it",
            Self::Call => "A protected route is requested at every place",
            Self::Logout => "Each client logs out, and every place is asked again",
            Self::Expire => "The clock passes the life of the access tokens, then the idle timeout",
            Self::Refresh => "A rotation, a lost answer, 32 refreshes at once, and the reuse of an old token",
            Self::Steal => "A copy of the credential is used until its owner logs out",
            Self::Password => "A change of the password ends the sessions of all devices",
            Self::Rotate => "The signing key is rotated, and no token fails",
            Self::RevokeKey => "The signing key has leaked: all its tokens end at once",
            Self::Cut => "Service B loses its network: its lease ends, and later it catches up",
            Self::IssuerDown => "The issuer stops: what services decide at once and after the lease",
            Self::StoreDown => "Every call of the store fails: what is verified, and what is not done",
            Self::OtherSite => "A page of another origin sends a form",
            Self::Script => "What a script of the page can read",
            Self::Tamper => "Forged and changed tokens are presented",
        }
    }

    /// The event from which the times of its decisions count.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Login
            | Self::Call
            | Self::Expire
            | Self::Rotate
            | Self::OtherSite
            | Self::Script
            | Self::Tamper => LOGIN,
            Self::Logout | Self::Steal | Self::Cut => "the logout",
            Self::Refresh => "the reuse of the old token",
            Self::Password => "the change of the password",
            Self::RevokeKey => "the revocation of the key",
            Self::IssuerDown => "the stop of the issuer",
            Self::StoreDown => "the failure of the store",
        }
    }

    /// Whether its times count from the login. Then a credential that is accepted is as it should be.
    pub(crate) fn counts_from_login(self) -> bool {
        self.event() == LOGIN
    }

    /// All names, separated by commas.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Act {
    type Err = UnknownAct;

    fn from_str(text: &str) -> Result<Self, UnknownAct> {
        Self::ALL.into_iter().find(|act| act.as_str() == text).ok_or_else(|| UnknownAct(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_act_is_found_by_its_name() {
        for act in Act::ALL {
            assert_eq!(act.as_str().parse(), Ok(act));
        }
        assert!("log-in".parse::<Act>().unwrap_err().to_string().contains("login, call"));
    }
}
