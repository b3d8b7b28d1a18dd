//! What is measured beside the server in this process: the modes, the credentials of many logins, the Express application, and a
//! server program.

pub(crate) mod credentials;
pub(crate) mod express;
pub(crate) mod mode;
pub(crate) mod program;
