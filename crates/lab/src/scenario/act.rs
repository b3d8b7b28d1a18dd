//! The acts of the lab.

use std::fmt;
use std::str::FromStr;

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
    /// Cuts the network of a service.
    Cut,
    /// Stops the issuer.
    IssuerDown,
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
    pub const ALL: [Self; 12] = [
        Self::Login,
        Self::Call,
        Self::Logout,
        Self::Expire,
        Self::Refresh,
        Self::Steal,
        Self::Password,
        Self::Cut,
        Self::IssuerDown,
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
            Self::Cut => "cut",
            Self::IssuerDown => "issuer-down",
            Self::OtherSite => "other-site",
            Self::Script => "script",
            Self::Tamper => "tamper",
        }
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
