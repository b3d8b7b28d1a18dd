//! The proxies, and where their programs are.

use std::path::{Path, PathBuf};

/// The host of the guarded application in the configurations.
pub const GUARDED_HOST: &str = "app.example";

/// A proxy in one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// nginx of Debian.
    Nginx,
    /// Caddy of Debian, which is older.
    DebianCaddy,
    /// Caddy.
    Caddy,
    /// Traefik.
    Traefik,
    /// HAProxy of Debian.
    Haproxy,
    /// Apache httpd of Debian.
    Apache,
    /// Envoy.
    Envoy,
}

impl ProxyKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Nginx,
        Self::DebianCaddy,
        Self::Caddy,
        Self::Traefik,
        Self::Haproxy,
        Self::Apache,
        Self::Envoy,
    ];

    /// Its name in options and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::DebianCaddy => "caddy-2.6",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Haproxy => "haproxy",
            Self::Apache => "apache",
            Self::Envoy => "envoy",
        }
    }

    /// Its program. `packaged` is the folder of the programs that `cargo xtask interop-tools` installs. `None` if it is not
    /// installed.
    #[must_use]
    pub fn program(self, packaged: Option<&Path>) -> Option<PathBuf> {
        let candidates = match self {
            Self::Nginx => vec!["/usr/sbin/nginx".into()],
            Self::DebianCaddy => vec!["/usr/bin/caddy".into()],
            Self::Haproxy => vec!["/usr/sbin/haproxy".into()],
            Self::Apache => vec!["/usr/sbin/apache2".into()],
            Self::Caddy | Self::Traefik | Self::Envoy => {
                packaged.map(|folder| folder.join("venv/bin").join(self.name())).into_iter().collect()
            }
        };
        candidates.into_iter().find(|file: &PathBuf| file.exists())
    }

    /// Whether Debian has no package of it in this version.
    #[must_use]
    pub const fn is_packaged(self) -> bool {
        matches!(self, Self::Caddy | Self::Traefik | Self::Envoy)
    }
}
