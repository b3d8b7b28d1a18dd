//! Which mode suits which client: questions, and what follows from the answers.

use serde::Serialize;

use crate::view::{Mode, View};

/// An answer that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The word in the address: the value, or the name if several answers can be chosen.
    pub value: String,
    /// The answer.
    pub text: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// A question with its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChoiceGroup {
    /// Its name in the address, if one answer can be chosen.
    pub name: String,
    /// The question.
    pub question: String,
    /// What the question means, if that is not plain.
    pub hint: Option<String>,
    /// Whether several answers can be chosen.
    pub is_multiple: bool,
    /// The answers.
    pub choices: Vec<Choice>,
}

/// What is recommended for a kind of client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The kind of client.
    pub client: String,
    /// The mode of its logins.
    pub mode: Mode,
    /// The transport of its logins.
    pub transport: String,
    /// The reason.
    pub reason: String,
    /// A command that logs in so.
    pub command: String,
}

/// A line of a guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuideRow {
    /// The situation.
    pub text: String,
    /// Whether it is that of the answers, if they decide it.
    pub applies: Option<bool>,
}

/// Another answer, and what would follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherAnswer {
    /// The answer.
    pub text: String,
    /// The address of the page with it, without its path.
    pub query: String,
    /// What would be recommended otherwise; nothing if it would not change a recommendation.
    pub changed: Vec<ChangedAdvice>,
}

/// A recommendation that another answer would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedAdvice {
    /// The kind of client.
    pub client: String,
    /// The mode that would be recommended.
    pub mode: Mode,
    /// The transport that would be recommended.
    pub transport: String,
    /// Whether the mode and the transport would remain, for another reason.
    pub is_same_mode: bool,
}

/// What follows from the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdviceView {
    /// What is recommended, for each kind of client.
    pub advice: Vec<Advice>,
    /// When guides use sessions.
    pub sessions_when: Vec<GuideRow>,
    /// When guides use JWTs.
    pub jwt_when: Vec<GuideRow>,
    /// Every answer that could be another one.
    pub others: Vec<OtherAnswer>,
    /// The address of the page, without its path. The files have the same.
    pub query: String,
    /// A command that writes the configuration file.
    pub init: String,
    /// Lines of a program that checks requests.
    pub program: String,
    /// Lines of a service that verifies tokens, if there are other services.
    pub service: Option<String>,
}

/// Something that a mode costs or gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostRow {
    /// What it is.
    pub what: String,
    /// The session, the JWT and the hybrid.
    pub values: [String; 3],
}

/// The questions, and the advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChooseView {
    /// The questions.
    pub groups: Vec<ChoiceGroup>,
    /// Whether the form was sent without a kind of client.
    pub is_client_missing: bool,
    /// What each mode costs.
    pub costs: Vec<CostRow>,
    /// What follows, once the form was sent.
    pub advice: Option<AdviceView>,
}

impl View for ChooseView {
    const TEMPLATE: &'static str = "lab/choose.html";
}
