//! The settings while they are being read: the defaults, overwritten by each source in turn.

use std::net::SocketAddr;
use std::path::PathBuf;

use counterfoil::{CacheUrl, IssuerUrl, MasterKeySource, Settings, StoreUrl};

use crate::configuration::page_files::PageFiles;
use crate::logging::LogFormat;

/// The settings that have been read so far.
#[derive(Debug, Clone)]
pub(crate) struct SettingsBuilder {
    /// The data directory.
    pub(crate) data_dir: PathBuf,
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// The address of the metrics listener, if there is one.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The format of log lines.
    pub(crate) log_format: LogFormat,
    /// The log level, if it is set.
    pub(crate) log_level: Option<String>,
    /// The issuer, if it is set.
    pub(crate) issuer: Option<IssuerUrl>,
    /// The store, if it is set.
    pub(crate) store: Option<StoreUrl>,
    /// The file with the URL of the store, if it is set.
    pub(crate) store_file: Option<PathBuf>,
    /// The shared cache, if it is set.
    pub(crate) cache: Option<CacheUrl>,
    /// The file with the URL of the shared cache, if it is set.
    pub(crate) cache_file: Option<PathBuf>,
    /// Where the master key is read from.
    pub(crate) master_key: MasterKeySource,
    /// The certificate chain for TLS.
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key of the certificate.
    pub(crate) tls_key: Option<PathBuf>,
    /// The files that change the look of the pages.
    pub(crate) page_files: PageFiles,
    /// All settings that have a fixed default. Its issuer and store are placeholders.
    pub(crate) settings: Settings,
}

impl Default for SettingsBuilder {
    fn default() -> Self {
        let issuer = "http://localhost".parse().expect("it is an issuer on loopback");
        let store = StoreUrl::Sqlite(PathBuf::from("counterfoil.db"));
        Self {
            data_dir: PathBuf::from("counterfoil-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            metrics_listen: None,
            log_format: LogFormat::Text,
            log_level: None,
            issuer: None,
            store: None,
            store_file: None,
            cache: None,
            cache_file: None,
            master_key: MasterKeySource::default(),
            tls_certificate: None,
            tls_key: None,
            page_files: PageFiles::default(),
            settings: Settings::new(issuer, store),
        }
    }
}
