//! The Markdown of the page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::http_reference::answer;
use crate::http_reference::example_server::Answer;
use crate::http_reference::examples::{Example, GROUPS};
use crate::http_reference::schema::{Schemas, credentials, one_line, texts};

/// What stands before the calls.
const HEAD: &str = include_str!("head.md");

/// The reference as one page.
pub(super) struct Page<'a> {
    pub(super) openapi: &'a Value,
}

/// The examples with their answers.
type Answers<'a> = [(&'a Example, Answer)];

impl Page<'_> {
    /// The text of the page.
    ///
    /// # Panics
    ///
    /// If a call has no example or no explanation, or an example has no call.
    pub(super) fn text(&self, answers: &Answers) -> String {
        self.assert_one_example_for_each_call(answers);
        let mut page = HEAD.replace("{{calls}}\n", &self.table_of_calls());
        page = page.replace("{{problems}}\n", &self.table_of_problems());
        for group in &GROUPS {
            let _ = write!(page, "\n## {}\n\n{}\n", group.title, group.introduction);
            for example in group.examples {
                let (_, answer) = answers.iter().find(|(found, _)| found.call == example.call).unwrap();
                assert!(group.tags.contains(&self.tag(example.call)), "{} is in another group", example.call);
                page += &self.call(example, answer);
            }
        }
        page + &self.objects()
    }

    fn assert_one_example_for_each_call(&self, answers: &Answers) {
        let paths = self.openapi["paths"].as_object().unwrap().iter();
        let documented: BTreeSet<String> = paths
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let shown: BTreeSet<String> = answers.iter().map(|(example, _)| example.call.to_owned()).collect();
        assert_eq!(answers.len(), shown.len(), "two examples for one call");
        assert_eq!(documented, shown, "a call needs an example in `http_reference/examples`, and only one");
    }

    fn operation(&self, call: &str) -> &Value {
        let (method, path) = call.split_once(' ').unwrap();
        &self.openapi["paths"][path][method.to_lowercase()]
    }

    fn tag(&self, call: &str) -> &str {
        self.operation(call)["tags"][0].as_str().unwrap()
    }

    fn schemas(&self) -> Schemas<'_> {
        Schemas { openapi: self.openapi }
    }

    fn table_of_calls(&self) -> String {
        let mut table = String::from("| call | what it does |\n|---|---|\n");
        for example in GROUPS.iter().flat_map(|group| group.examples) {
            let summary = one_line(self.operation(example.call)["summary"].as_str().unwrap());
            let _ = writeln!(table, "| [`{}`](#{}) | {summary} |", example.call, anchor(example.call));
        }
        table
    }

    /// Each code of a problem with its status and what it means, from the sentences of the answers.
    fn table_of_problems(&self) -> String {
        let mut problems: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for example in GROUPS.iter().flat_map(|group| group.examples) {
            for (status, description) in self.problems(example.call) {
                for (meaning, code) in meanings_and_codes(description) {
                    problems.entry((status, code)).or_default().insert(meaning);
                }
            }
        }
        let mut table = String::from("| status | `code` | meaning |\n|---|---|---|\n");
        for ((status, code), meanings) in problems {
            let meanings: Vec<&str> = meanings.into_iter().collect();
            let _ = writeln!(table, "| {status} | `{code}` | {}. |", meanings.join(". "));
        }
        table
    }

    /// The answers of a call that are problems: status and description.
    fn problems(&self, call: &str) -> Vec<(&str, &str)> {
        let responses = self.operation(call)["responses"].as_object().unwrap().iter();
        let problems = responses
            .filter(|(_, response)| response["content"]["application/problem+json"].is_object())
            .map(|(status, response)| (status.as_str(), response["description"].as_str().unwrap()));
        problems.collect()
    }

    fn call(&self, example: &Example, answer: &Answer) -> String {
        let operation = self.operation(example.call);
        let mut text = format!("\n### `{}`\n\n", example.call);
        for part in ["summary", "description"] {
            if let Some(part) = operation[part].as_str() {
                let _ = writeln!(text, "{}\n", one_line(part));
            }
        }
        let _ = writeln!(text, "Credentials: {}.\n", credentials(operation, self.tag(example.call)));
        text += &self.parameters(operation);
        text += &self.body(operation);
        text += &self.answers(example.call);
        let _ = write!(text, "```sh\n{}\n```\n\n", example.command);
        let Answer { status, body } = answer;
        match body {
            None => {
                let _ = writeln!(text, "Answer: {status}, without a body.");
            }
            Some(body) => {
                let _ = write!(text, "Answer: {status}\n\n```text\n{}\n```\n", answer::text(body));
            }
        }
        text
    }

    fn parameters(&self, operation: &Value) -> String {
        let Some(parameters) = operation["parameters"].as_array() else { return String::new() };
        let mut table = String::from("| parameter | in | type | | meaning |\n|---|---|---|---|---|\n");
        for parameter in parameters {
            let [name, place, meaning] =
                ["name", "in", "description"].map(|key| parameter[key].as_str().unwrap());
            let words = self.schemas().words(&parameter["schema"]).replace(" or null", "");
            let optional = if parameter["required"] == true { "required" } else { "optional" };
            let _ = writeln!(table, "| `{name}` | {place} | {words} | {optional} | {meaning} |");
        }
        table + "\n"
    }

    fn body(&self, operation: &Value) -> String {
        let body = &operation["requestBody"];
        let Some((kind, content)) = body["content"].as_object().and_then(|kinds| kinds.iter().next()) else {
            return String::new();
        };
        let (schema, what) = match kind.as_str() {
            "application/x-www-form-urlencoded" => (&content["schema"], "a form"),
            _ => (&body["content"]["application/json"]["schema"], "a JSON object"),
        };
        let members = self.schemas().members(schema);
        if members.is_empty() {
            return "Body: any JSON object.\n\n".to_owned();
        }
        let left_out = if body["required"] == true { "" } else { " It may be left out." };
        let mut table =
            format!("Body: {what}.{left_out}\n\n| member | type | | meaning |\n|---|---|---|---|\n");
        let (required, optional): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|member| member.is_required);
        for member in required.into_iter().chain(optional) {
            let words = self.schemas().words(member.schema);
            let words = words.replace(" or null", "").replace("null or ", "");
            let optional = if member.is_required { "required" } else { "optional" };
            let meaning = self.schemas().meaning(member.schema);
            assert!(!meaning.is_empty(), "`{}` has no explanation: {body}", member.name);
            let _ = writeln!(table, "| `{}` | {words} | {optional} | {meaning} |", member.name);
        }
        table + "\n"
    }

    fn answers(&self, call: &str) -> String {
        let mut table = String::from("| answer | |\n|---|---|\n");
        let responses = self.operation(call)["responses"].as_object().unwrap();
        for (status, response) in responses {
            let description = response["description"].as_str().unwrap();
            if response["content"]["application/problem+json"].is_object() {
                let codes = meanings_and_codes(description);
                let codes: Vec<String> = codes.map(|(_, code)| format!("`{code}`")).collect();
                assert!(!codes.is_empty(), "{call} {status} has no code of a problem");
                let _ = writeln!(table, "| {status} | {} |", codes.join(", "));
                continue;
            }
            let schema = response["content"].as_object().and_then(|kinds| kinds.values().next());
            let name = schema.and_then(|kind| Schemas::name(&kind["schema"]));
            let link = name.map(|name| format!(": [{name}](#{})", name.to_lowercase())).unwrap_or_default();
            let _ = writeln!(table, "| {status} | {description}{link} |");
        }
        table + "\n"
    }

    /// The objects to which calls and other objects link.
    fn objects(&self) -> String {
        let mut text = String::from(
            "\n## Objects\n\nThe objects in answers. A member whose type says `or null` can be absent as well, and means the same; one whose type says `or absent` is never null. New versions can add members.\n",
        );
        let mut wanted = vec!["Problem".to_owned()];
        for example in GROUPS.iter().flat_map(|group| group.examples) {
            self.collect_links(&self.answers(example.call), &mut wanted);
        }
        let mut at = 0;
        while let Some(name) = wanted.get(at).cloned() {
            let object = self.object(&name);
            self.collect_links(&object, &mut wanted);
            text += &object;
            at += 1;
        }
        text
    }

    /// Adds the objects to which `text` links.
    fn collect_links(&self, text: &str, wanted: &mut Vec<String>) {
        for name in self.openapi["components"]["schemas"].as_object().unwrap().keys() {
            let is_linked = text.contains(&format!("](#{})", name.to_lowercase()));
            if is_linked && !wanted.contains(name) {
                wanted.push(name.clone());
            }
        }
    }

    fn object(&self, name: &str) -> String {
        let schemas = self.schemas();
        let schema = schemas.named(name);
        let description = schemas.meaning(schema);
        let mut text =
            format!("\n### {name}\n\n{description}\n\n| member | type | meaning |\n|---|---|---|\n");
        for member in schemas.members(schema) {
            let (words, meaning) = (schemas.words(member.schema), schemas.meaning(member.schema));
            let words = words.replace("null or ", "").replace(" or null", "");
            let comma = if words.starts_with("list of ") { "," } else { "" };
            let absent = match (is_nullable(member.schema), member.is_required) {
                (true, _) => format!("{comma} or null"),
                (false, true) => String::new(),
                (false, false) => format!("{comma} or absent"),
            };
            assert!(!meaning.is_empty(), "`{}` of {name} has no explanation", member.name);
            let _ = writeln!(text, "| `{}` | {words}{absent} | {meaning} |", member.name);
        }
        text
    }
}

/// Whether null is a value of this schema.
fn is_nullable(schema: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null" || texts(&schema["type"]).contains(&"null");
    let alternatives = schema["oneOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    is_null(schema) || alternatives.iter().any(is_null)
}

/// The sentences of a description, as "meaning: `code`", each with its code.
fn meanings_and_codes(description: &str) -> impl Iterator<Item = (&str, &str)> {
    let sentences = description.split(". ").filter_map(|sentence| sentence.rsplit_once(": "));
    sentences.map(|(meaning, code)| (meaning, code.trim_matches('`')))
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}
