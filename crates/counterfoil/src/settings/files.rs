//! Where the files of an installation are.

use std::path::PathBuf;

use counterfoil_files::with_suffix;

use crate::settings::Settings;

impl Settings {
    /// The file of the master key: the configured one, or the default.
    pub(crate) fn master_key_file(&self) -> Option<PathBuf> {
        self.master_key.file.clone().or_else(|| self.default_master_key_file())
    }

    /// The default file of the master key: `DIR/master-key`, or next to the SQLite file.
    pub(crate) fn default_master_key_file(&self) -> Option<PathBuf> {
        let in_dir = self.data_dir.as_ref().map(|dir| dir.join("master-key"));
        in_dir.or_else(|| self.store.file().map(|store| with_suffix(store, ".key")))
    }

    /// The file of the last known position of the revocation log: `DIR/rollback-guard`, or next to the SQLite file.
    pub(crate) fn rollback_guard_file(&self) -> Option<PathBuf> {
        let in_dir = self.data_dir.as_ref().map(|dir| dir.join("rollback-guard"));
        in_dir.or_else(|| self.store.file().map(|store| with_suffix(store, ".rollback-guard")))
    }

    /// The files of the installation, also temporary ones: those of SQLite next to the database, and the
    /// restored database that replaces it at the next start; keys, certificates, lists and the admin socket.
    pub(crate) fn own_files(&self) -> Vec<PathBuf> {
        let beside_store = ["", "-wal", "-shm", "-journal", ".lock", ".new", ".restored"];
        let store = self.store.file().map(|store| beside_store.map(|suffix| with_suffix(store, suffix)));
        let master_key = self.master_key_file().map(|key| [with_suffix(&key, ".next"), key]);
        let rollback_guard = self.rollback_guard_file().map(|guard| [with_suffix(&guard, ".new"), guard]);
        let tls = self.tls.clone().map(|tls| [tls.certificate, tls.key]);
        let pairs = [master_key, rollback_guard, tls].into_iter().flatten().flatten();
        let socket = self.data_dir.as_ref().map(|dir| dir.join("admin.sock"));
        let others = self.breached_passwords.clone().into_iter().chain(socket);
        store.into_iter().flatten().chain(pairs).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_key_is_in_the_data_directory_or_next_to_the_store() {
        let (issuer, store) =
            ("https://auth.example".parse().unwrap(), "sqlite:dir/auth.db".parse().unwrap());
        let beside_store = Settings::new(issuer, store);
        let in_dir = Settings { data_dir: Some("data".into()), ..beside_store.clone() };

        assert_eq!(beside_store.default_master_key_file(), Some("dir/auth.db.key".into()));
        assert_eq!(in_dir.default_master_key_file(), Some("data/master-key".into()));
    }
}
