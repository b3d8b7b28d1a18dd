//! Issues and accepts probes.

use counterfoil_core::credentials::doctor_probe::DoctorProbe;
use counterfoil_core::services::{InternalError, ServiceError};
use counterfoil_jose::{Secret, Time};

use crate::app::App;
use crate::operations::admin::responses::DoctorProbeResponse;

/// Generates a probe.
///
/// # Errors
///
/// If the operating system provides no randomness.
pub(crate) fn issue(app: &App, now: Time) -> Result<DoctorProbeResponse, ServiceError> {
    let keys = app.parts.keys.active_keys();
    let probe = DoctorProbe::generate(keys.refresh_token_key(), now)
        .map_err(|error| ServiceError::from(InternalError::Randomness(error)))?;
    Ok(DoctorProbeResponse {
        expires_at: probe.expires_at().unix_seconds(),
        probe: Secret::new(probe.to_string()),
        issuer: app.settings().issuer.as_str().to_owned(),
    })
}

/// Whether the text is a probe of this installation that can be used now.
pub(crate) fn is_accepted(app: &App, text: &str, now: Time) -> bool {
    let keys = app.parts.keys.active_keys();
    text.parse::<DoctorProbe>().is_ok_and(|probe| probe.is_valid(keys.refresh_token_keys(), now))
}

/// Whether the text has the form of a probe, of any installation.
pub fn is_probe(text: &str) -> bool {
    text.parse::<DoctorProbe>().is_ok()
}
