//! Executes administrative commands.

use std::pin::Pin;

use serde_json::Value;

use counterfoil_core::services::account::Registration;
use counterfoil_core::services::user_import::ImportMode;

use crate::admin::answer::answer;
use crate::admin::pagination::PageRequest;
use crate::admin::{AdminError, Command};
use crate::app::App;
use crate::operations::admin::verifiers;
use crate::operations::doctor::probe;
use crate::operations::error::OperationError;

impl App {
    /// Executes `command` and records in the audit log that an operator did it.
    ///
    /// # Errors
    ///
    /// Why it was not executed; then nothing was changed.
    pub async fn administer(&self, command: Command) -> Result<Value, AdminError> {
        self.execute(command).await
    }

    /// The future is boxed here, so that its code is compiled in this crate alone. Every crate that awaits an `async fn` compiles it
    /// for itself, with all that it awaits: here all commands.
    #[inline(never)]
    fn execute(
        &self,
        command: Command,
    ) -> Pin<Box<dyn Future<Output = Result<Value, AdminError>> + Send + '_>> {
        Box::pin(self.dispatch(command))
    }

    async fn dispatch(&self, command: Command) -> Result<Value, AdminError> {
        match command {
            Command::Status {} => self.status().await,
            Command::DoctorProbe {} => answer(probe::issue(self, self.now()).map_err(OperationError::from)?),
            Command::UserAdd { username, password, email, roles } => {
                let external_id = None;
                self.add_user(Registration { username, password, email, roles, external_id }).await
            }
            Command::UserImport { users, dry_run } => {
                self.import_users(&users, if dry_run { ImportMode::DryRun } else { ImportMode::Commit }).await
            }
            Command::UserList { after, limit } => self.list_users(PageRequest { after, limit }).await,
            Command::UserShow { user, ip } => self.show_user(&user, ip).await,
            Command::UserChange { user, change } => self.change_user(&user, change).await,
            Command::UserPassword { user, password } => self.set_password(&user, &password).await,
            Command::UserDelete { user } => self.delete_user(&user).await,
            Command::RateLimitShow { username, ip } => self.show_rate_limits(username, ip).await,
            Command::RateLimitRelease { username, ip } => self.release_rate_limits(username, ip).await,
            Command::RevocationPreview { subject } => self.preview_revocation(&subject).await,
            Command::ClientAdd { id, client } => self.add_client(&id, client).await,
            Command::ClientList { after, limit } => self.list_clients(PageRequest { after, limit }).await,
            Command::ClientSet { id, client } => self.change_client(&id, client).await,
            Command::AdminKeyAdd { name } => self.add_admin_key(&name).await,
            Command::AdminKeyList { after, limit } => {
                self.list_admin_keys(PageRequest { after, limit }).await
            }
            Command::AdminKeyRemove { id } => self.remove_admin_key(&id).await,
            Command::VerifierList { after, limit } => self.list_verifiers(PageRequest { after, limit }).await,
            Command::NodeList { after, limit } => self.list_nodes(PageRequest { after, limit }).await,
            Command::FleetWaits {} => answer(verifiers::fleet_waits(self)),
            Command::VerifierKeyAdd { name } => self.add_verifier_key(&name).await,
            Command::VerifierKeyList { after, limit } => {
                self.list_verifier_keys(PageRequest { after, limit }).await
            }
            Command::VerifierKeyRemove { id } => self.remove_verifier_key(&id).await,
            Command::KeyList { after, limit } => self.list_keys(PageRequest { after, limit }).await,
            Command::KeyImport { file, format } => self.import_key_file(file, format).await,
            Command::KeyImportBytes { key, format } => self.import_key_bytes(&key, format).await,
            Command::KeyRekey { file } => self.replace_master_key(file).await,
            Command::KeyRekeyText { key } => self.replace_master_key_by(&key).await,
            Command::KeyRotate(request) => self.rotate_keys(request).await,
            Command::TokenMint(request) => self.mint_token(request).await,
            Command::TokenVerify { token, audiences } => self.verify_token(&token, &audiences),
            Command::AuditList { filter, after, limit } => {
                self.list_audit_events(filter, PageRequest { after, limit }).await
            }
            Command::AuditFollow { filter, position, limit } => {
                self.follow_audit_events(filter, position, limit).await
            }
            Command::Revoke(request) => self.revoke(request).await,
            Command::SessionList { user, ip, mode, after, limit } => {
                self.list_sessions(user, ip, mode, PageRequest { after, limit }).await
            }
            Command::SessionRevoke { id } => self.revoke_session(&id).await,
            Command::SessionRevokeAll { user } => self.revoke_all_sessions(&user).await,
            Command::Backup { file, replace } => self.back_up(file, replace).await,
            Command::ClockAccept {} => self.accept_clock().await,
        }
    }
}
