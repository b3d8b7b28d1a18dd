//! The answer of an administrative command, and the audit context of an operator.

use serde::Serialize;
use serde_json::Value;

use counterfoil_core::model::audit_event::Actor;
use counterfoil_core::model::session::{ClientInfo, EndReason};
use counterfoil_core::services::revoker::RevocationContext;

use crate::admin::AdminError;

/// The JSON answer of a command.
pub(super) type Answer = Result<Value, AdminError>;

/// The answer with this response.
pub(super) fn answer(response: impl Serialize) -> Answer {
    serde_json::to_value(response).map_err(|error| AdminError::new(error.to_string()))
}

/// The context of a change that an operator makes.
pub(super) fn operator_context() -> RevocationContext {
    RevocationContext {
        actor: Actor::Operator,
        reason: EndReason::ByAdmin,
        client_info: ClientInfo::default(),
    }
}
