//! What has just happened, for the next page: a word and a number in a cookie that only this server reads. It is not in the
//! URL, so no link can make a page say it.

use std::fmt;

use counterfoil_pages::Message;

/// What has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flash {
    /// The user signed out.
    SignedOut,
    /// All sessions of the user were ended.
    EndedAll,
    /// One session was ended.
    EndedOne,
    /// This many other sessions were ended.
    EndedOthers(u64),
    /// The password was changed.
    PasswordChanged,
    /// A device was renamed.
    Renamed,
    /// An administrator's change was made.
    Administered,
}

impl Flash {
    /// The value of the cookie, if it is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "signed-out" => Some(Self::SignedOut),
            "ended-all" => Some(Self::EndedAll),
            "ended-one" => Some(Self::EndedOne),
            "password-changed" => Some(Self::PasswordChanged),
            "renamed" => Some(Self::Renamed),
            "administered" => Some(Self::Administered),
            other => other.strip_prefix("ended-others.")?.parse().ok().map(Self::EndedOthers),
        }
    }
}

/// The value of the cookie.
impl fmt::Display for Flash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("signed-out"),
            Self::EndedAll => f.write_str("ended-all"),
            Self::EndedOne => f.write_str("ended-one"),
            Self::EndedOthers(count) => write!(f, "ended-others.{count}"),
            Self::PasswordChanged => f.write_str("password-changed"),
            Self::Renamed => f.write_str("renamed"),
            Self::Administered => f.write_str("administered"),
        }
    }
}

impl From<Flash> for Message {
    fn from(flash: Flash) -> Self {
        match flash {
            Flash::SignedOut => Self::new("notice-signed-out"),
            Flash::EndedAll => Self::new("notice-ended-all"),
            Flash::EndedOne => Self::new("notice-ended-one"),
            Flash::EndedOthers(count) => Self::new("notice-ended-others").with("count", count),
            Flash::PasswordChanged => Self::new("notice-password-changed"),
            Flash::Renamed => Self::new("notice-renamed"),
            Flash::Administered => Self::new("notice-administered"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_is_read_as_it_was_written_and_nothing_else_is_one() {
        for flash in [
            Flash::SignedOut,
            Flash::EndedAll,
            Flash::EndedOne,
            Flash::EndedOthers(3),
            Flash::PasswordChanged,
            Flash::Renamed,
            Flash::Administered,
        ] {
            assert_eq!(Flash::parse(&flash.to_string()), Some(flash));
        }
        for bad in ["", "ended-others.", "ended-others.x", "ended-others.-1", "<b>"] {
            assert_eq!(Flash::parse(bad), None, "{bad}");
        }
    }
}
