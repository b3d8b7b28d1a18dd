//! The reference of the HTTP API as pages, in English, the language of its words.

use serde::Serialize;

use crate::view::View;

/// All calls by their groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceView {
    /// The version of the program.
    pub version: String,
    /// The groups, in the order of the documentation.
    pub groups: Vec<CallGroup>,
}

impl View for ReferenceView {
    const TEMPLATE: &'static str = "reference/index.html";
}

/// Calls that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallGroup {
    /// What they have in common.
    pub title: String,
    /// The calls.
    pub calls: Vec<CallLink>,
}

/// A call, as a list names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallLink {
    /// The id of the operation, which its link has.
    pub id: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What it does, in a sentence.
    pub summary: Vec<Prose>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallView {
    /// The call.
    pub call: CallLink,
    /// More about what it does.
    pub description: Vec<Prose>,
    /// Who may call it.
    pub credentials: String,
    /// What is in the path and in the query.
    pub parameters: Vec<MemberRow>,
    /// What the body of the request is, if it has one.
    pub body: Option<String>,
    /// The members of the body.
    pub members: Vec<MemberRow>,
    /// The answers.
    pub answers: Vec<AnswerRow>,
    /// The objects in the request and in the answers.
    pub objects: Vec<ObjectTable>,
}

impl View for CallView {
    const TEMPLATE: &'static str = "reference/call.html";
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prose {
    /// The text.
    pub text: String,
    /// Whether it is a word of the API, as `mode`.
    pub is_code: bool,
    /// Whether it is the name of an object that the page has.
    pub is_object: bool,
}

/// A parameter or a member of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    /// The name.
    pub name: String,
    /// What it is, as "string".
    pub kind: Vec<Prose>,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it means.
    pub meaning: Vec<Prose>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerRow {
    /// The status.
    pub status: String,
    /// What it means.
    pub meaning: Vec<Prose>,
    /// The object in its body.
    pub object: Option<String>,
}

/// An object and its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectTable {
    /// The name.
    pub name: String,
    /// What it is.
    pub description: Vec<Prose>,
    /// The members.
    pub members: Vec<MemberRow>,
}
