//! Backups by an operator.

use std::path::PathBuf;

use crate::admin::AdminError;
use crate::admin::answer::{Answer, answer};
use crate::app::App;
use crate::fs::atomic_write::ExistingFile;
use crate::operations::admin::responses::BackupResponse;
use crate::store::backup;

impl App {
    pub(super) async fn back_up(&self, file: PathBuf, replace: bool) -> Answer {
        if !file.is_absolute() {
            return Err(AdminError::new("the file of a backup must be an absolute path"));
        }
        backup::check_not_own_file(&self.settings().own_files(), &file)?;
        let existing = if replace { ExistingFile::Replace } else { ExistingFile::Keep };
        let bytes = backup::write(self.parts.file_backup.as_deref(), &file, existing).await?;
        answer(BackupResponse { file, bytes })
    }
}
