//! What an introspection says about a token that is active.

use serde::Serialize;
use serde_json::Value;

use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::{Session, SessionCredential};
use counterfoil_core::store::SessionContext;
use counterfoil_verify::{AccessClaims, Principal, RevocationPosition};

/// What kind of credential a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenType {
    /// A session token: `cfs_…`.
    Session,
    /// An access token, a JWT.
    Access,
    /// A refresh token: `cfr_…`. It is no credential for a resource server.
    Refresh,
}

/// A token that is active (RFC 7662, section 2.2), with the members of access tokens. The OpenAPI document explains them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct IntrospectedToken {
    active: bool,
    token_type: TokenType,
    iss: String,
    sub: String,
    aud: Vec<String>,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    sid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    iat: u64,
    exp: u64,
    auth_time: u64,
    amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<Value>,
    pos: u64,
}

impl IntrospectedToken {
    /// Of a session token that was verified.
    ///
    /// `None` for a principal that has no session.
    pub(crate) fn from_session(
        issuer: &str,
        principal: &Principal,
        position: RevocationPosition,
    ) -> Option<Self> {
        let authenticated_at = principal.authenticated_at()?.unix_seconds();
        Some(Self {
            active: true,
            token_type: TokenType::Session,
            iss: issuer.to_owned(),
            sub: principal.subject().to_owned(),
            // Only its issuer accepts it.
            aud: vec![issuer.to_owned()],
            client_id: principal.client_id()?.to_string(),
            username: principal.username().map(str::to_owned),
            scope: scope(principal),
            sid: principal.session_id()?.to_string(),
            jti: None,
            iat: authenticated_at,
            exp: principal.expires_at().unix_seconds(),
            auth_time: authenticated_at,
            amr: principal.amr().to_vec(),
            acr: principal.acr().map(str::to_owned),
            roles: principal.roles().to_vec(),
            external_id: principal.claim("external_id").cloned(),
            pos: position.number(),
        })
    }

    /// Of an access token that was verified, with these claims.
    pub(crate) fn from_access(claims: AccessClaims, position: RevocationPosition) -> Self {
        Self {
            active: true,
            token_type: TokenType::Access,
            iss: claims.iss,
            sub: claims.sub,
            aud: claims.aud,
            client_id: claims.client_id.to_string(),
            username: claims.preferred_username,
            scope: claims.scope,
            sid: claims.sid.to_string(),
            jti: Some(claims.jti.to_string()),
            iat: claims.iat,
            exp: claims.exp,
            auth_time: claims.auth_time,
            amr: claims.amr,
            acr: claims.acr,
            roles: claims.roles,
            external_id: claims.extra.get("external_id").cloned(),
            pos: position.number(),
        }
    }

    /// Whether `audience` is one of its audiences.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        self.aud.iter().any(|one| one == audience)
    }

    /// Of a refresh token with which the session could be refreshed now.
    pub(crate) fn from_refresh(issuer: &str, context: &SessionContext) -> Self {
        let SessionContext { session, user, .. } = context;
        Self {
            active: true,
            token_type: TokenType::Refresh,
            iss: issuer.to_owned(),
            sub: session.user.to_string(),
            aud: vec![session.audience.as_deref().unwrap_or(issuer).to_owned()],
            client_id: session.client.to_string(),
            username: Some(user.username.to_string()),
            scope: session.scope.clone(),
            sid: session.id.to_string(),
            jti: None,
            iat: issued_at(session),
            exp: session.ends_at().unix_seconds(),
            auth_time: session.authenticated_at.unix_seconds(),
            amr: session.amr.clone(),
            acr: session.acr.clone(),
            roles: user.roles.clone(),
            external_id: user.external_id.as_ref().map(ExternalId::to_json),
            pos: context.revocation_log_head.number(),
        }
    }
}

fn scope(principal: &Principal) -> Option<String> {
    let scopes: Vec<&str> = principal.scopes().collect();
    (!scopes.is_empty()).then(|| scopes.join(" "))
}

/// When the current refresh token was issued, in Unix seconds.
fn issued_at(session: &Session) -> u64 {
    match session.credential {
        SessionCredential::Refresh { rotated_at, .. } => rotated_at.unix_seconds(),
        SessionCredential::Cookie(_) | SessionCredential::AccessOnly => {
            session.authenticated_at.unix_seconds()
        }
    }
}
