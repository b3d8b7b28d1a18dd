//! A user whose password is temporary.

use counterfoil::operator::Command;
use serde_json::json;

use crate::test_server::TestServer;

impl TestServer {
    /// Imports a user with [`PASSWORD`](crate::test_server::PASSWORD), which the other system had marked as one to change.
    pub(crate) async fn import_with_temporary_password(&self, name: &str) {
        let bcrypt = "$2b$06$KzUYfqehEVkMiKpR8CAEuO5/HqMnaDkTkdm8L2QwHoY.G8Zw0fsPS";
        let user = json!({ "username": name, "password_hash": bcrypt, "password_change_required": true });
        let users = vec![serde_json::from_value(user).unwrap()];
        self.app.administer(Command::UserImport { users, dry_run: false }).await.unwrap();
    }
}
