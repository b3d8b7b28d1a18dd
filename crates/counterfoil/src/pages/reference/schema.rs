//! The schemas of the OpenAPI document in words: for the pages, and for the test that writes `docs/http-api.md`.

use std::collections::BTreeSet;

use serde_json::Value;

/// The schemas of a document.
#[derive(Clone, Copy)]
pub(super) struct Schemas<'a> {
    pub(super) openapi: &'a Value,
}

/// A member of an object.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a Value,
    pub(super) is_required: bool,
}

impl<'a> Schemas<'a> {
    /// The name of a referenced schema.
    pub(super) fn name(schema: &Value) -> Option<&str> {
        schema["$ref"].as_str()?.rsplit('/').next()
    }

    /// The schema with this name.
    pub(super) fn named(self, name: &str) -> &'a Value {
        &self.openapi["components"]["schemas"][name]
    }

    /// The schema without a reference, and without the alternative `null`.
    pub(super) fn resolved(self, schema: &'a Value) -> &'a Value {
        if let Some(name) = Self::name(schema) {
            return self.resolved(self.named(name));
        }
        let alternatives = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        match alternatives {
            [null, other] | [other, null] if null["type"] == "null" => self.resolved(other),
            _ => schema,
        }
    }

    /// The members of an object, with those of the objects of which it consists.
    pub(super) fn members(self, schema: &'a Value) -> Vec<Member<'a>> {
        let schema = self.resolved(schema);
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let mut members: Vec<Member> = parts.flat_map(|part| self.members(part)).collect();
        let required: Vec<&str> = texts(&schema["required"]);
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            members.push(Member { name, schema, is_required: required.contains(&name.as_str()) });
        }
        members
    }

    /// What a value of this schema is.
    pub(super) fn words(self, schema: &'a Value) -> String {
        if let Some(name) = Self::name(schema) {
            let target = self.named(name);
            let has_members = !self.members(target).is_empty();
            return if has_members {
                format!("[{name}](#{})", name.to_lowercase())
            } else {
                self.words(target)
            };
        }
        let values = texts(&schema["enum"]);
        if !values.is_empty() {
            return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            let words: BTreeSet<String> =
                alternatives.iter().map(|alternative| self.words(alternative)).collect();
            return words.into_iter().collect::<Vec<_>>().join(" or ");
        }
        let types = match &schema["type"] {
            Value::String(name) => vec![name.as_str()],
            types => texts(types),
        };
        let words = types.iter().map(|name| match *name {
            "array" => format!("list of {}", several(&self.words(&schema["items"]))),
            other => other.to_owned(),
        });
        words.collect::<Vec<_>>().join(" or ")
    }

    /// The meaning of a member, on one line.
    pub(super) fn meaning(self, schema: &'a Value) -> String {
        let alternatives = schema["oneOf"].as_array().into_iter().flatten();
        let own = schema["description"].as_str();
        let inner = alternatives.filter_map(|alternative| alternative["description"].as_str()).next();
        let text = own.or(inner).or_else(|| self.resolved(schema)["description"].as_str());
        one_line(text.unwrap_or_default())
    }
}

/// The words for several values of a type.
fn several(words: &str) -> String {
    match words {
        "string" | "integer" | "object" => format!("{words}s"),
        other => other.to_owned(),
    }
}

/// Who may call an operation with this tag.
pub(super) fn credentials(operation: &Value, tag: &str) -> &'static str {
    let ways = operation["security"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> =
        ways.iter().filter_map(Value::as_object).flat_map(|way| way.keys()).map(String::as_str).collect();
    let is_optional = ways.len() > names.len();
    match (tag, names.contains("bearer"), names.contains("refresh"), is_optional) {
        ("feed", ..) => "a verifier key as a bearer token",
        ("oauth", true, ..) => "a verifier key, as a bearer token or with its id as client credentials",
        ("administration", ..) => {
            "an administrator's session token or access token, or an admin key as a bearer token"
        }
        (_, true, true, _) => "a session token, an access token or a refresh token, if there is one",
        (_, false, true, _) => "a refresh token, in the body or in its cookie",
        (_, true, false, true) => "a session token or an access token, if there is one",
        (_, true, false, false) => "a session token or an access token",
        (_, false, false, _) => "none",
    }
}

/// The text on one line, without the examples in Rust that end some explanations.
pub(super) fn one_line(text: &str) -> String {
    let prose = text.split("```").next().unwrap_or_default();
    prose.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The strings in a list.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
