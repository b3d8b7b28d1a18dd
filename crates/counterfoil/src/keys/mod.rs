//! The master key, signing keys in files, what is signed for guarded applications, and the TLS certificate of the listener.

pub(crate) mod forward_assertions;
pub(crate) mod key_file;
pub(crate) mod master_key;
pub(crate) mod master_key_file;
pub(crate) mod master_key_rotation;
#[cfg(feature = "server")]
pub(crate) mod tls;
pub(crate) mod tls_files;
