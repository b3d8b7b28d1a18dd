//! The rules for the files of an installation, stated once for the store, the keys and the commands.
//!
//! - A new file is for its owner alone, mode 0600. What root creates belongs to the user of the service.
//! - A file that the program has made is opened without following a link, and must be a regular file. Root would
//!   otherwise open, or change the mode of, any file to which the user of the service has placed a link.
//! - A link in a configured path is followed if root or the current user made it, as Kubernetes does for mounted secrets.
//! - Other users have no permissions on a secret. Its group may read it: that is how a platform gives a secret to the
//!   user of a container. Permissions of the group on our own files are removed, and a warning says so.
//! - What the server shows to everyone is read only from where no other user could have put it, links and their targets
//!   included.
//! - Only a regular file is replaced or removed, never a socket, a device, a directory or a link.
//! - A directory in which other users can replace files is refused.

mod directory;
mod new_file;
mod open;
mod path;
mod path_hint;
mod permissions;
mod published;
mod replace;

pub use directory::{check_writable_directory, mode_if_writable_by_others};
pub use new_file::{create, create_directory, create_private};
pub use open::{Access, open_configured, open_regular, resolve_link};
pub use path::{parent_directory, with_suffix};
pub use path_hint::path_hint;
pub use permissions::{is_secret, restrict};
pub use published::{open_published, resolve_published};
pub use replace::{check_replaceable, is_same_file, remove_regular};
