//! What an introspection says about a token that is active.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use counterfoil_core::model::external_id::ExternalId;
use counterfoil_core::model::session::{Session, SessionCredential};
use counterfoil_core::store::SessionContext;
use counterfoil_verify::{AccessClaims, Principal, RevocationPosition};

use crate::operations::external_id_schema::ExternalIdSchema;

/// What kind of credential a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = IntrospectedTokenType, rename_all = "lowercase")]
pub(crate) enum TokenType {
    /// A session token: `cfs_…`.
    Session,
    /// An access token, a JWT.
    Access,
    /// A refresh token: `cfr_…`. It is no credential for a resource server.
    Refresh,
}

/// A token that is active (RFC 7662, section 2.2), with the members of access tokens.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = IntrospectedToken)]
pub(crate) struct IntrospectedToken {
    /// True.
    active: bool,
    /// `session`, `access` or `refresh`. A resource server must not accept a refresh token.
    #[schema(inline)]
    token_type: TokenType,
    /// The issuer.
    iss: String,
    /// The id of the user.
    sub: String,
    /// The audiences. A resource server must find itself here, or the issuer if it accepts every token of it.
    aud: Vec<String>,
    /// The client application.
    client_id: String,
    /// The name to log in with. It is left out if access tokens are issued without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The scopes, separated by spaces, if the token is limited to some.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The id of the session.
    sid: String,
    /// The id of an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// When the token was issued, in Unix seconds; for a session token, when the user logged in.
    iat: u64,
    /// When it expires if it is not used, in Unix seconds.
    exp: u64,
    /// When the user authenticated, in Unix seconds.
    auth_time: u64,
    /// How the user authenticated (RFC 8176).
    amr: Vec<String>,
    /// The authentication context class, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    /// The roles of the user.
    roles: Vec<String>,
    /// The application's own id of the user, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ExternalIdSchema>)]
    external_id: Option<Value>,
    /// The head of the revocation log before this was decided. A follower of the feed that keeps the response checks it
    /// like an access token with this `pos`.
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
