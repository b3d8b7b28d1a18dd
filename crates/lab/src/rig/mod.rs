//! What is measured: a server in this process, services that verify its tokens, and the credentials of many logins.

pub(crate) mod clock;
pub(crate) mod credentials;
pub(crate) mod express;
pub(crate) mod follower;
pub(crate) mod mode;
pub(crate) mod program;
pub(crate) mod server;
