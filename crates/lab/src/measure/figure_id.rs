//! The names of what can be measured. A name may stand for several figures, whose names begin with it.

use std::fmt;
use std::str::FromStr;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FigureId {
    /// Checks a second, as a share of the bare handler.
    CheckRate,
    /// Processor time of a check, over the bare handler.
    CheckCpu,
    /// Response times at a constant rate.
    CheckLatency,
    /// The check of a credential that was not presented before.
    CheckFirstSight,
    /// Response times of logins.
    LoginLatency,
    /// Durable refreshes a second.
    RefreshRate,
    /// Bytes of requests and responses.
    Wire,
    /// Bytes that a client stores.
    ClientBytes,
    /// Bytes on disk of a login.
    KeptDisk,
    /// Bytes in the memory of the server program of a login.
    KeptMemory,
    /// Reads of the store.
    StoreReads,
    /// Commits of the store.
    StoreCommits,
    /// Logout to refusal at the issuer.
    LogoutIssuer,
    /// Logout to refusal at a service that follows the feed.
    LogoutFollower,
    /// Logout to refusal at a service with the public keys only.
    LogoutKeysOnly,
    /// Refusal of everything by a service that is cut off.
    LogoutCut,
    /// What becomes of a copied credential.
    Stolen,
    /// What still answers without the issuer.
    DownIssuer,
    /// What still answers while the store fails.
    DownStore,
    /// The start after a kill.
    Restart,
    /// Whether a service on another origin can check a credential.
    Crossing,
    /// Whether a script in the page can read a credential.
    Script,
}

/// The word that is not the name of a figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a figure; the figures are {names}", names = FigureId::names())]
pub struct UnknownFigure(String);

impl FigureId {
    /// All, in the order of the report.
    pub const ALL: [Self; 22] = [
        Self::CheckRate,
        Self::CheckCpu,
        Self::CheckLatency,
        Self::CheckFirstSight,
        Self::LoginLatency,
        Self::RefreshRate,
        Self::Wire,
        Self::ClientBytes,
        Self::KeptDisk,
        Self::KeptMemory,
        Self::StoreReads,
        Self::StoreCommits,
        Self::LogoutIssuer,
        Self::LogoutFollower,
        Self::LogoutKeysOnly,
        Self::LogoutCut,
        Self::Stolen,
        Self::DownIssuer,
        Self::DownStore,
        Self::Restart,
        Self::Crossing,
        Self::Script,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CheckRate => "check.rate",
            Self::CheckCpu => "check.cpu",
            Self::CheckLatency => "check.latency",
            Self::CheckFirstSight => "check.first_sight",
            Self::LoginLatency => "login.latency",
            Self::RefreshRate => "refresh.rate",
            Self::Wire => "wire",
            Self::ClientBytes => "client.bytes",
            Self::KeptDisk => "kept.disk",
            Self::KeptMemory => "kept.memory",
            Self::StoreReads => "store.reads",
            Self::StoreCommits => "store.commits",
            Self::LogoutIssuer => "logout.issuer",
            Self::LogoutFollower => "logout.follower",
            Self::LogoutKeysOnly => "logout.keys_only",
            Self::LogoutCut => "logout.cut",
            Self::Stolen => "stolen",
            Self::DownIssuer => "down.issuer",
            Self::DownStore => "down.store",
            Self::Restart => "restart",
            Self::Crossing => "crossing",
            Self::Script => "script",
        }
    }

    /// Whether the figure with the name `id` belongs to it.
    #[must_use]
    pub fn includes(self, id: &str) -> bool {
        id.strip_prefix(self.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Where the figure with the name `id` stands in the report.
    pub(crate) fn position(id: &str) -> usize {
        Self::ALL.iter().position(|known| known.includes(id)).unwrap_or(Self::ALL.len())
    }

    /// All names, separated by commas.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for FigureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FigureId {
    type Err = UnknownFigure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| UnknownFigure(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_found_by_its_name() {
        for (position, figure) in FigureId::ALL.into_iter().enumerate() {
            assert_eq!(figure.to_string().parse(), Ok(figure));
            assert_eq!(FigureId::position(figure.as_str()), position);
        }
        assert!("rate".parse::<FigureId>().unwrap_err().to_string().contains("check.rate, check.cpu"));
    }

    #[test]
    fn a_name_stands_for_all_figures_below_it() {
        assert!(FigureId::Wire.includes("wire.login") && FigureId::Wire.includes("wire"));
        assert!(!FigureId::Wire.includes("wired") && !FigureId::CheckRate.includes("check.cpu"));
    }
}
