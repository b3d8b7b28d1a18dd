//! The settings while they are being read: what has been said so far, over what holds if nobody says anything.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use counterfoil::{IssuerUrl, MasterKeySource, Settings, StoreUrl};

use crate::common::LogFormat;
use crate::configuration::wrong::Wrong;

/// What has been said so far.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// Where everything lives that is not named otherwise.
    pub(crate) data_dir: PathBuf,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where the metrics are served, if anywhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How log lines look.
    pub(crate) log: LogFormat,
    /// How much is logged, if that was said.
    pub(crate) log_level: Option<String>,
    /// In whose name tokens are issued, if that was said.
    pub(crate) issuer: Option<IssuerUrl>,
    /// The store, if it is not in the data directory.
    pub(crate) store: Option<StoreUrl>,
    /// Where the master key comes from.
    pub(crate) master_key: MasterKeySource,
    /// The certificate chain for TLS.
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key that belongs to it.
    pub(crate) tls_key: Option<PathBuf>,
    /// Everything that has a default. Its issuer and its store are of no account.
    pub(crate) rest: Settings,
}

impl Default for Draft {
    fn default() -> Self {
        let issuer = "http://localhost".parse().expect("it is an issuer on loopback");
        let store = StoreUrl::Sqlite(PathBuf::from("counterfoil.db"));
        Self {
            data_dir: PathBuf::from("counterfoil-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            metrics_listen: None,
            log: LogFormat::Text,
            log_level: None,
            issuer: None,
            store: None,
            master_key: MasterKeySource::default(),
            tls_certificate: None,
            tls_key: None,
            rest: Settings::new(issuer, store),
        }
    }
}

/// The only text of a setting that has one.
pub(crate) fn one(texts: &[String]) -> Result<&str, Wrong> {
    match texts {
        [text] if !text.is_empty() => Ok(text),
        _ => Err(Wrong::new("it is empty").hint("leave it out, and the default holds")),
    }
}

/// An address and a port.
pub(crate) fn address(texts: &[String]) -> Result<SocketAddr, Wrong> {
    let text = one(texts)?;
    let wrong = |_| Wrong::new(format!("{text:?} is not an address and a port like 127.0.0.1:3000"));
    text.parse().map_err(wrong)
}

/// A path.
pub(crate) fn path(texts: &[String]) -> Result<PathBuf, Wrong> {
    let text = one(texts)?;
    match text.contains('\0') {
        false => Ok(text.into()),
        true => Err(Wrong::new("a path holds no zero byte")),
    }
}

/// A whole number from `least` to `most`.
pub(crate) fn number<T: TryFrom<u64>>(texts: &[String], least: u64, most: u64) -> Result<T, Wrong> {
    let text = one(texts)?;
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number: u64| T::try_from(number).ok());
    number.ok_or_else(|| Wrong::new(format!("{text:?} is not a whole number from {least} to {most}")))
}

/// A time of so many seconds.
pub(crate) fn seconds(texts: &[String], least: u64, most: u64) -> Result<Duration, Wrong> {
    number(texts, least, most).map(Duration::from_secs)
}

/// One of a few words.
pub(crate) fn word<T: Copy>(texts: &[String], words: &[(&str, T)]) -> Result<T, Wrong> {
    let text = one(texts)?;
    let known = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    known.ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        Wrong::new(format!("{text:?} is none of {}", words.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn a_number_is_whole_and_within_its_bounds() {
        assert_eq!(number::<u32>(&texts("60"), 0, 60), Ok(60));
        for bad in ["61", "-1", "1.0", " 1", "", "ten", "99999999999999999999"] {
            assert!(number::<u32>(&texts(bad), 0, 60).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_word_is_taken_as_it_is_written() {
        let words = [("open", 1), ("closed", 2)];

        assert_eq!(word(&texts("closed"), &words), Ok(2));
        assert!(word(&texts("Closed"), &words).unwrap_err().message.contains("open, closed"));
    }
}
