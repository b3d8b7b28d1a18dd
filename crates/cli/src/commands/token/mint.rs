//! `counterfoil token mint`: mints an access token on behalf of the operator.

use clap::Args;
use counterfoil::operator::{self, MintedTokenResponse, TokenMintRequest};

use crate::admin_client::execute;
use crate::argument_value::whole_number_from;
use crate::configuration::Configuration;
use crate::configuration::flags::{IssuerOptions, StoreOptions};
use crate::error::CliError;
use crate::output::{print_json, print_line};

/// The options of `token mint`.
#[derive(Args)]
pub(crate) struct MintOptions {
    /// The user, by name or by id. The token gets a new session, which `session list` shows.
    #[arg(long, value_name = "USER", required_unless_present = "subject", conflicts_with = "subject")]
    user: Option<String>,
    /// A machine that is not a user. The token has no session; `revoke token:ID` revokes it.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// The service that accepts the token [default: the issuer].
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
    /// The scopes, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// The lifetime in seconds, at most the longest of any client [default: that of a login in mode jwt].
    #[arg(long, value_name = "SECONDS", value_parser = whole_number_from(1_u64))]
    lifetime: Option<u64>,
    /// Print JSON, with the ids for revocation.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    _settings: StoreOptions,
    #[command(flatten)]
    _issuer: IssuerOptions,
}

impl MintOptions {
    /// Mints the token and prints only it, for `$(…)`; how to revoke it is printed to standard error.
    pub(crate) async fn run(self, configuration: &Configuration) -> Result<(), CliError> {
        let Self { user, subject, audience, scope, lifetime, json, .. } = self;
        let request = TokenMintRequest { user, subject, audience, scope, lifetime };
        let command = operator::Command::TokenMint(request);
        let answer: MintedTokenResponse = execute(configuration, command).await?;
        if json {
            return print_json(&answer);
        }
        let revoke = configuration.command(&format!("revoke token:{}", answer.token_id));
        eprintln!("to revoke it: {revoke}");
        print_line(answer.access_token.expose())
    }
}
