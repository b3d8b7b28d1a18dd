//! One call: what it takes, what it answers, and the objects in both.

use std::collections::BTreeSet;

use serde_json::Value;

use counterfoil_pages::view::reference::{AnswerRow, CallView, MemberRow, ObjectTable, Prose};

use crate::pages::reference::prose::{objects, prose};
use crate::pages::reference::schema::{Schemas, credentials};
use crate::pages::reference::{Operation, operations};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// The call with this operation id.
pub(super) fn view(document: &Value, id: &str) -> Option<CallView> {
    let operation = operations(document).find(|operation| operation.text("operationId") == id)?;
    let schemas = Schemas { openapi: document };
    let (body, members) = body(schemas, &operation);
    let parameters = parameters(schemas, &operation);
    let answers = answers(&operation);
    let of_members = members.iter().chain(&parameters).flat_map(|row| objects(&row.kind));
    let named = answers.iter().filter_map(|answer| answer.object.as_deref()).chain(of_members);
    let objects = object_tables(schemas, named.map(str::to_owned).collect());
    Some(CallView {
        call: operation.to_link(),
        description: prose(operation.text("description")),
        credentials: credentials(operation.content, operation.tag()).to_owned(),
        parameters,
        body,
        members,
        answers,
        objects,
    })
}

fn parameters(schemas: Schemas<'_>, operation: &Operation<'_>) -> Vec<MemberRow> {
    let row = |parameter: &Value| MemberRow {
        name: parameter["name"].as_str().unwrap_or_default().to_owned(),
        kind: kind(schemas, &parameter["schema"]),
        is_required: parameter["required"] == true,
        meaning: prose(parameter["description"].as_str().unwrap_or_default()),
    };
    operation.content["parameters"].as_array().into_iter().flatten().map(row).collect()
}

/// What the body is, and its members.
fn body(schemas: Schemas<'_>, operation: &Operation<'_>) -> (Option<String>, Vec<MemberRow>) {
    let body = &operation.content["requestBody"];
    let Some((media_type, content)) = body["content"].as_object().and_then(|kinds| kinds.iter().next())
    else {
        return (None, Vec::new());
    };
    let what = if media_type == FORM { "A form." } else { "A JSON object." };
    let left_out = if body["required"] == true { "" } else { " It may be left out." };
    (Some(format!("{what}{left_out}")), members(schemas, &content["schema"]))
}

fn answers(operation: &Operation<'_>) -> Vec<AnswerRow> {
    let row = |(status, answer): (&String, &Value)| {
        let content = answer["content"].as_object().and_then(|kinds| kinds.values().next());
        AnswerRow {
            status: status.clone(),
            meaning: prose(answer["description"].as_str().unwrap_or_default()),
            object: content.and_then(|content| Schemas::name(&content["schema"])).map(str::to_owned),
        }
    };
    operation.content["responses"].as_object().into_iter().flatten().map(row).collect()
}

/// The members of a schema; those that must be there first.
fn members(schemas: Schemas<'_>, schema: &Value) -> Vec<MemberRow> {
    let row = |member: crate::pages::reference::schema::Member<'_>| MemberRow {
        name: member.name.to_owned(),
        kind: kind(schemas, member.schema),
        is_required: member.is_required,
        meaning: prose(&schemas.meaning(member.schema)),
    };
    let mut rows: Vec<_> = schemas.members(schema).into_iter().map(row).collect();
    rows.sort_by_key(|row| !row.is_required);
    rows
}

/// What a value is. A member that can be null can be absent as well.
fn kind(schemas: Schemas<'_>, schema: &Value) -> Vec<Prose> {
    prose(&schemas.words(schema).replace("null or ", "").replace(" or null", ""))
}

/// The tables of these objects, and of those in them.
fn object_tables(schemas: Schemas<'_>, mut waiting: Vec<String>) -> Vec<ObjectTable> {
    let (mut tables, mut seen) = (Vec::new(), BTreeSet::new());
    waiting.reverse();
    while let Some(name) = waiting.pop() {
        let schema = schemas.named(&name);
        if !seen.insert(name.clone()) {
            continue;
        }
        let members = members(schemas, schema);
        waiting.extend(members.iter().flat_map(|row| objects(&row.kind)).map(str::to_owned));
        tables.push(ObjectTable { name, description: prose(&schemas.meaning(schema)), members });
    }
    tables
}
