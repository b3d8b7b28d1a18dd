//! What the settings lead to before the store is opened.

use std::sync::Arc;

use counterfoil_core::services::password_policy::PasswordPolicy;

use crate::app::backend::check_cache;
use crate::app::error::OpenError;
use crate::app::hooks::Hooks;
use crate::keys::master_key::ResolvedMasterKey;
use crate::passwords::breached::{BreachedError, BreachedFile};
use crate::settings::Settings;
use crate::settings::cookie_options::Cookies;

/// What the settings lead to without the store, and the functions of the host. An error here changes nothing.
pub(super) struct Checked {
    pub(super) master_key: ResolvedMasterKey,
    pub(super) password_policy: PasswordPolicy,
    pub(super) cookies: Cookies,
    pub(super) hooks: Hooks,
}

impl Checked {
    pub(super) fn new(settings: &Settings, hooks: Hooks) -> Result<Self, OpenError> {
        check_cache(settings).map_err(OpenError::Cache)?;
        let is_local = settings.issuer.is_loopback() && !settings.issuer.is_secure();
        if settings.development_mode.is_some() && !is_local {
            return Err(OpenError::DevelopmentMode(settings.issuer.clone()));
        }
        settings.forward_auth.check_hosts()?;
        Ok(Self {
            hooks,
            password_policy: password_policy(settings)?,
            cookies: settings.cookies.for_issuer(&settings.issuer)?,
            master_key: settings.master_key.resolve(settings.default_master_key_file())?,
        })
    }
}

/// The requirements for new passwords. The host name of the service must not be part of a password.
fn password_policy(settings: &Settings) -> Result<PasswordPolicy, BreachedError> {
    let policy = PasswordPolicy::default().with_min_length(settings.password_min_length);
    let issuer = settings.issuer.as_str();
    let host = issuer.split_once("://").map_or(issuer, |(_, host)| host);
    let policy = policy.for_service(host.split(['/', ':']).next().unwrap_or(host));
    Ok(match &settings.breached_passwords {
        Some(file) => policy.with_breached(Arc::new(BreachedFile::open(file)?)),
        None => policy,
    })
}
