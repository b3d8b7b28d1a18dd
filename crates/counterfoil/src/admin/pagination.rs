//! The page of a list that a command asks for.

use counterfoil_core::services::ServiceError;

use crate::admin::AdminError;
use crate::operations::pagination::{Cursor, PageSize, Pagination};

/// The page of a list that a command asks for.
pub(super) struct PageRequest {
    /// The cursor `next` of the previous page.
    pub(super) after: Option<String>,
    /// The most rows.
    pub(super) limit: Option<u32>,
}

impl PageRequest {
    /// Validates the limit and the cursor.
    pub(super) fn validate<C: Cursor>(&self) -> Result<Pagination<C>, AdminError> {
        let limit = PageSize::ADMIN.check_limit(self.limit).map_err(ServiceError::from)?;
        Ok(Pagination::new(self.after.as_deref(), limit).map_err(ServiceError::from)?)
    }
}
