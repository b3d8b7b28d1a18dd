//! `counterfoil token mint`: an access token by an operator's hand.

use clap::Args;
use counterfoil::operator::{self, TokenMintRequest};

use crate::configuration::Configuration;
use crate::fault::Fault;
use crate::operate::administer;
use crate::show::{self, cell};

/// For whom, and for what.
#[derive(Args)]
pub(crate) struct Mint {
    /// The user that it speaks for, by name or by id. It is a login of its own, which `session list` shows.
    #[arg(long, value_name = "USER", required_unless_present = "subject", conflicts_with = "subject")]
    user: Option<String>,
    /// Or a machine that is no user. Its token alone can be revoked: `revoke token:ID`.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// The service that is to take it; the issuer itself unless said otherwise.
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
    /// The scopes, parted by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// For how many seconds; as long as a login in mode jwt unless said otherwise, and at most as long as the
    /// tokens of any client.
    #[arg(long, value_name = "SECONDS")]
    lifetime: Option<u64>,
    /// Prints JSON, with the ids by which it is revoked.
    #[arg(long)]
    json: bool,
}

impl Mint {
    /// Mints it, and prints it alone, for `$(…)`; by what to revoke it goes to standard error.
    pub(crate) async fn run(self, common: &Configuration) -> Result<(), Fault> {
        let Self { user, subject, audience, scope, lifetime, json } = self;
        let form = TokenMintRequest { user, subject, audience, scope, lifetime };
        let answer = administer(common, operator::Command::TokenMint(form)).await?;
        if json {
            return show::json(&answer);
        }
        eprintln!("revoke it by: counterfoil revoke token:{}", cell(&answer, "token_id"));
        show::say(&cell(&answer, "access_token"))
    }
}
