//! Validates JSON by the part of JSON Schema that the schema of reports uses.

use serde_json::Value;

/// Where `value` is not as `schema` says.
pub(crate) fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Validation { root: schema, found: &mut found }.check(schema, value, "$");
    found
}

struct Validation<'a> {
    root: &'a Value,
    found: &'a mut Vec<String>,
}

impl Validation<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let keywords = schema.as_object().expect("a schema is an object");
        for (keyword, wanted) in keywords {
            let holds = match keyword.as_str() {
                "$ref" => {
                    let pointer = wanted.as_str().expect("a text").trim_start_matches('#');
                    let target = self.root.pointer(pointer).expect("a definition");
                    self.check(target, value, at);
                    true
                }
                "type" => match wanted.as_array() {
                    Some(types) => types.iter().any(|name| has_type(value, name)),
                    None => has_type(value, wanted),
                },
                "const" => value == wanted,
                "enum" => wanted.as_array().expect("a list").contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().expect("a number")),
                "minProperties" => value
                    .as_object()
                    .is_none_or(|object| object.len() as u64 >= wanted.as_u64().expect("a number")),
                "required" => {
                    let names = wanted.as_array().expect("a list").iter();
                    names.filter_map(Value::as_str).all(|name| value.get(name).is_some())
                }
                "pattern" => value.as_str().is_none_or(is_name),
                "properties" => {
                    for (name, inner) in wanted.as_object().expect("an object") {
                        if let Some(value) = value.get(name) {
                            self.check(inner, value, &format!("{at}.{name}"));
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = schema["properties"].as_object();
                    let others = value.as_object().into_iter().flatten();
                    for (name, value) in
                        others.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)))
                    {
                        match wanted {
                            Value::Bool(false) => self.found.push(format!("{at}.{name} is unknown")),
                            inner => self.check(inner, value, &format!("{at}.{name}")),
                        }
                    }
                    true
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                        self.check(wanted, &Value::from(name.as_str()), &format!("{at}.{name}"));
                    }
                    true
                }
                "items" => {
                    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(wanted, value, &format!("{at}[{index}]"));
                    }
                    true
                }
                "$schema" | "$id" | "$defs" => true,
                other => panic!("the keyword {other} is not validated"),
            };
            if !holds {
                self.found.push(format!("{at}: {keyword} {wanted}, not {value}"));
            }
        }
    }
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str().expect("a type is a text") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the type {other} is not validated"),
    }
}

/// `^[a-z_]+(\.[a-z0-9_]+)*$`, the only pattern.
fn is_name(text: &str) -> bool {
    let is_word = |digits| {
        move |part: &str| {
            !part.is_empty()
                && part.chars().all(|character| {
                    matches!(character, 'a'..='z' | '_') || digits && character.is_ascii_digit()
                })
        }
    };
    let (first, rest) = text.split_once('.').unwrap_or((text, ""));
    is_word(false)(first) && (rest.is_empty() || rest.split('.').all(is_word(true)))
}
