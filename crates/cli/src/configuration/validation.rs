//! Validates settings together: the issuer, the listeners and TLS depend on each other.

use std::net::SocketAddr;

use counterfoil::operator::is_loopback_ip;
use counterfoil::{CacheUrl, IssuerUrl, Settings, StoreUrl, TlsFiles};

use crate::configuration::diagnostic::Diagnostic;
use crate::configuration::{Configuration, DATABASE};
use crate::error::{CliError, error_chain};

impl Configuration {
    /// The settings of a server that listens on `address`, which is the issuer if none is set.
    ///
    /// # Errors
    ///
    /// Everything that is invalid; usage.
    pub(crate) fn settings(&self, address: SocketAddr) -> Result<Settings, CliError> {
        self.validate(address).map_err(|errors| CliError::from_all(errors.into_iter().map(CliError::from)))
    }

    /// The same, with one diagnostic for each error.
    ///
    /// # Errors
    ///
    /// Everything that is invalid.
    pub(crate) fn validate(&self, address: SocketAddr) -> Result<Settings, Vec<Diagnostic>> {
        let mut errors = self.errors.clone();
        let has_error = |key: &str| errors.iter().any(|error| error.key.as_deref() == Some(key));
        let is_address_known = self.is_file_readable && !has_error("issuer") && !has_error("listen");
        let issuer = self.issuer_at(address);
        let tls = self.tls();
        let store = self.store();
        let cache = self.cache();
        if is_address_known {
            errors.extend(issuer.as_ref().err().cloned());
        }
        if self.is_file_readable {
            errors.extend(self.shared_listener());
            errors.extend(self.two_stores());
            errors.extend(store.as_ref().err().cloned());
            errors.extend(self.two_caches());
            errors.extend(cache.as_ref().err().cloned());
            errors.extend(tls.as_ref().err().cloned());
        }
        match (issuer, tls, store, cache) {
            (Ok(issuer), Ok(tls), Ok(store), Ok(cache)) if errors.is_empty() => {
                Ok(self.build(issuer, tls, store).with(|settings| {
                    settings.cache = cache;
                    settings.descriptions = self.describe();
                }))
            }
            _ => Err(errors),
        }
    }

    fn build(&self, issuer: IssuerUrl, tls: Option<TlsFiles>, store: Option<StoreUrl>) -> Settings {
        let builder = self.builder.clone();
        let in_data_dir = || StoreUrl::Sqlite(self.data_dir.join(DATABASE));
        builder.settings.with(|settings| {
            settings.issuer = issuer;
            settings.store = store.unwrap_or_else(in_data_dir);
            settings.data_dir = Some(builder.data_dir);
            settings.master_key = builder.master_key;
            settings.tls = tls;
        })
    }

    /// The issuer: the one that is set, or the address if it is loopback.
    fn issuer_at(&self, address: SocketAddr) -> Result<IssuerUrl, Diagnostic> {
        if let Some(issuer) = &self.builder.issuer {
            if !issuer.is_secure() && !is_loopback_ip(address.ip()) {
                let message = format!("plain HTTP is for loopback only, and {address} is not loopback");
                let hint = "use https:// (a proxy may terminate TLS), or listen on 127.0.0.1";
                return Err(Diagnostic::combination("issuer", message, hint));
            }
            return Ok(issuer.clone());
        }
        let scheme = if self.builder.tls_certificate.is_some() { "https" } else { "http" };
        let own = format!("{scheme}://{address}").parse().ok();
        own.filter(|_| is_loopback_ip(address.ip())).ok_or_else(|| {
            Diagnostic::combination(
                "issuer",
                format!("{address} is not loopback, so the issuer must be set"),
                "set the URL that clients use, as --issuer https://auth.example; a proxy may terminate TLS",
            )
        })
    }

    /// The store, if one is set; its URL may be in a file.
    pub(super) fn store(&self) -> Result<Option<StoreUrl>, Diagnostic> {
        let Some(file) = &self.builder.store_file else { return Ok(self.builder.store.clone()) };
        let unusable = |error: counterfoil::StoreFileError| {
            Diagnostic::combination("store_file", error_chain(&error), &error.hint())
        };
        StoreUrl::read_file(file).map(Some).map_err(unusable)
    }

    /// The error if the store is set twice.
    fn two_stores(&self) -> Option<Diagnostic> {
        let is_twice = self.is_set("store") && self.is_set("store_file");
        let hint = "remove one of them";
        is_twice.then(|| Diagnostic::combination("store_file", "the store is also set with `store`", hint))
    }

    /// The shared cache, if one is set; its URL may be in a file.
    fn cache(&self) -> Result<Option<CacheUrl>, Diagnostic> {
        let Some(file) = &self.builder.cache_file else { return Ok(self.builder.cache.clone()) };
        let unusable = |error: counterfoil::CacheFileError| {
            Diagnostic::combination("cache_file", error_chain(&error), &error.hint())
        };
        CacheUrl::read_file(file).map(Some).map_err(unusable)
    }

    /// The error if the cache is set twice.
    fn two_caches(&self) -> Option<Diagnostic> {
        let is_twice = self.is_set("cache") && self.is_set("cache_file");
        let hint = "remove one of them";
        is_twice.then(|| Diagnostic::combination("cache_file", "the cache is also set with `cache`", hint))
    }

    /// The error if metrics, which need no authentication, would be served at the public address.
    fn shared_listener(&self) -> Option<Diagnostic> {
        let (public, metrics) = (self.listen, self.metrics_listen?);
        let is_any = public.ip().is_unspecified() || metrics.ip().is_unspecified();
        let is_shared =
            public.port() == metrics.port() && public.port() != 0 && (is_any || public.ip() == metrics.ip());
        let message = format!("{metrics} is also the public address");
        let hint = "use another port, like 127.0.0.1:9464";
        is_shared.then(|| Diagnostic::combination("metrics.listen", message, hint))
    }

    /// Both files for TLS with an https issuer, or none.
    fn tls(&self) -> Result<Option<TlsFiles>, Diagnostic> {
        let incomplete = |key, missing: &str| {
            Diagnostic::combination(key, format!("{missing} is missing"), "set both, or none for plain HTTP")
        };
        let is_plain_issuer = self.builder.issuer.as_ref().is_some_and(|issuer| !issuer.is_secure());
        match (self.builder.tls_certificate.clone(), self.builder.tls_key.clone()) {
            (Some(_), Some(_)) if is_plain_issuer => Err(Diagnostic::combination(
                "issuer",
                "it is plain HTTP, and the server speaks TLS: no client can connect to it",
                "use https:// in the issuer, or remove certificate and key from the table [tls]",
            )),
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(incomplete("tls.certificate", "tls.key")),
            (None, Some(_)) => Err(incomplete("tls.key", "tls.certificate")),
        }
    }
}
