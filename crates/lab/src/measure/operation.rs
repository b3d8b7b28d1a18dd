//! What a client asks of the server: a check, a login, a refresh, a logout.

use std::net::SocketAddr;

use counterfoil_load::rig::server::PROTECTED;

use crate::rig::mode::{Login, Mode};

/// A request of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Check,
    Login,
    Refresh,
    Logout,
}

impl Operation {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 4] = [Self::Check, Self::Login, Self::Refresh, Self::Logout];

    /// Its word in the names of figures.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
        }
    }

    /// The modes that have it.
    pub(crate) const fn modes(self) -> &'static [Mode] {
        match self {
            Self::Refresh => &[Mode::Hybrid],
            Self::Check | Self::Login | Self::Logout => &Mode::ALL,
        }
    }

    /// The request, with the credentials of `login`.
    pub(crate) fn request(self, login: &Login, address: SocketAddr) -> Vec<u8> {
        match self {
            Self::Check => login.get(address, PROTECTED),
            Self::Login => login.mode.login_request(address),
            Self::Refresh => login.refresh_request(address),
            Self::Logout => login.logout_request(address),
        }
    }
}
