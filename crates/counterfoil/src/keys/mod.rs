//! The master key, signing keys in files, and the TLS certificate of the listener.

pub(crate) mod key_file;
pub(crate) mod master_key;
pub(crate) mod master_key_file;
pub(crate) mod master_key_rotation;
#[cfg(feature = "server")]
pub(crate) mod tls;
pub(crate) mod tls_files;
