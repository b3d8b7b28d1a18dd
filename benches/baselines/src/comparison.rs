//! One token of one algorithm, and who verifies it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::ValueEnum;
use counterfoil_jose::{Algorithm, KeySet, SigningKey, Time, VerifyingKey, base64url};
use counterfoil_verify::{AccessClaims, RevocationPosition, SessionId, TokenId, TokenVerifier};

use crate::theirs::Theirs;

const ISSUER: &str = "https://auth.example";
const SHOP: &str = "https://shop.example";

/// Who verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Who {
    /// The bare primitive, over the bytes that were signed.
    Raw,
    /// `counterfoil-verify`, without its cache.
    Ours,
    /// `jsonwebtoken` on aws-lc-rs.
    Theirs,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Raw, Self::Ours, Self::Theirs];
}

/// A token and all that verify it, made ready beforehand.
pub(crate) struct Contest {
    token: String,
    now: Time,
    raw: Raw,
    ours: TokenVerifier,
    theirs: Option<Theirs>,
}

impl Contest {
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        let key = SigningKey::generate(algorithm)?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let token = key.sign("at+jwt", &claims(seconds)?.to_json())?;
        let keys = KeySet::new([key.verifying_key()])?;
        let ours = TokenVerifier::builder(ISSUER, SHOP, &[algorithm]).cache_size(0).build(keys)?;
        let contest = Self {
            now: Time::from_unix_seconds(seconds),
            raw: Raw::of(&key, &token)?,
            ours,
            theirs: Theirs::with(&key, ISSUER, SHOP)?,
            token,
        };
        for who in Who::ALL.into_iter().filter(|&who| contest.knows(who)) {
            anyhow::ensure!(contest.verify(who), "{who:?} refuses {algorithm}");
        }
        Ok(contest)
    }

    pub(crate) fn knows(&self, who: Who) -> bool {
        who != Who::Theirs || self.theirs.is_some()
    }

    /// Verifies the token once; whether it is accepted.
    pub(crate) fn verify(&self, who: Who) -> bool {
        match who {
            Who::Raw => self.raw.verify(),
            Who::Ours => self.ours.verify(&self.token, self.now).is_ok(),
            Who::Theirs => self.theirs.as_ref().is_some_and(|theirs| theirs.verify(&self.token)),
        }
    }
}

/// Nothing but the signature, decoded beforehand.
struct Raw {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Raw {
    fn of(key: &SigningKey, token: &str) -> Result<Self> {
        let (message, signature) = token.rsplit_once('.').context("a token has dots")?;
        let signature = base64url::decode(signature)?;
        Ok(Self { key: key.verifying_key(), message: message.into(), signature })
    }

    fn verify(&self) -> bool {
        self.key.is_signed(&self.message, &self.signature)
    }
}

/// What an access token of ours says.
fn claims(seconds: u64) -> Result<AccessClaims> {
    Ok(AccessClaims {
        iss: ISSUER.into(),
        aud: vec![SHOP.into()],
        sub: "DxAPEA8QDxAPEA8QDxAPEA".into(),
        client_id: "shop".parse()?,
        iat: seconds,
        exp: seconds + 900,
        nbf: None,
        jti: TokenId::from_bytes([1; 16]),
        sid: SessionId::from_bytes([2; 16]),
        auth_time: seconds,
        amr: vec!["pwd".into()],
        acr: None,
        scope: Some("orders:read".into()),
        roles: Vec::new(),
        pos: RevocationPosition::new(1_764_000_000_123),
        extra: Default::default(),
    })
}
