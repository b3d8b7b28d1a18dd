//! A connection that one asynchronous task uses, on a thread that may wait for the disk.

use rusqlite::Connection;

use counterfoil_core::store::StoreError;

use crate::error_class::map_error;

/// A connection; `None` only while a statement runs, and after a statement has panicked.
#[derive(Debug)]
pub(crate) struct BlockingConnection(Option<Connection>);

impl BlockingConnection {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(Some(connection))
    }

    /// Runs `operation` on another thread.
    pub(crate) async fn run<R: Send + 'static>(
        &mut self,
        operation: impl FnOnce(&mut Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, StoreError> {
        let mut connection = self.0.take().ok_or(StoreError::Closed)?;
        // Boxed, so that tokio's code for a task is compiled once for each type of result, not once for each operation.
        let operation: Box<dyn FnOnce() -> (Connection, rusqlite::Result<R>) + Send> = Box::new(move || {
            let result = operation(&mut connection);
            (connection, result)
        });
        let (connection, result) =
            tokio::task::spawn_blocking(operation).await.map_err(|_| StoreError::Poisoned)?;
        self.0 = Some(connection);
        result.map_err(map_error)
    }

    /// Closes the connection.
    pub(crate) fn close(&mut self) -> Result<(), StoreError> {
        let connection = self.0.take().ok_or(StoreError::Closed)?;
        connection.close().map_err(|(_, error)| map_error(error))
    }
}
