//! Requests whose responses are not checked against the rules of the HTTP tests.

use crate::client::{Request, Response, exchange};
use crate::test_server::TestServer;

impl Request {
    /// Sends the request: for routes below a base path, and for cookies with a domain.
    pub(crate) async fn send_unchecked(&self, server: &TestServer) -> Response {
        exchange(server, &self.bytes()).await.expect("the server must respond")
    }
}
