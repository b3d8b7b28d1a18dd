//! The command for nodes.

use crate::admin::answer::{Answer, answer};
use crate::admin::pagination::PageRequest;
use crate::app::App;
use crate::operations::admin::nodes;

impl App {
    pub(super) async fn list_nodes(&self, page: PageRequest) -> Answer {
        answer(nodes::list(self, page.validate()?).await?)
    }
}
