//! The commented file.

use std::fmt::Write as _;

use crate::commands::init::answers::Answers;
use crate::commands::init::recommend::Recommended;
use crate::configuration::setting::{Form, Setting};
use crate::configuration::table::settings;

/// The width of comments.
const WIDTH: usize = 100;

/// Every setting with its meaning: those that were answered as they were answered, the others with their defaults,
/// switched off.
pub(crate) fn write(answers: &Answers, recommended: &[Recommended]) -> String {
    let mut text = comment(
        "Counterfoil. `counterfoil check --config FILE` judges this file; docs/configuration.md tells more.",
    );
    text +=
        "#\n# What is recommended for the clients that were named. A login says which mode it wants:\n#\n";
    for Recommended { kind, mode, carrier, reason } in recommended {
        text += &comment(&format!(
            "{}: {{\"mode\": \"{mode}\", \"carrier\": \"{carrier}\"}}: {reason}.",
            kind.as_str()
        ));
    }
    for setting in settings() {
        text.push('\n');
        text += &comment(setting.meaning);
        text += &line(setting, &chosen(setting.key, answers));
    }
    text
}

/// What was answered that is a setting.
fn chosen(key: &str, answers: &Answers) -> Vec<String> {
    let answered = match key {
        "issuer" => Some(&answers.issuer),
        "registration" => Some(&answers.registration),
        "listen" => answers.listen.as_ref(),
        "data_dir" => answers.data_dir.as_ref(),
        "tls_certificate" => answers.tls_certificate.as_ref(),
        "tls_key" => answers.tls_key.as_ref(),
        "trusted_proxies" => return answers.proxies(),
        "trusted_origins" => return answers.trusted_origins.clone(),
        _ => None,
    };
    answered.into_iter().cloned().collect()
}

fn line(setting: &Setting, texts: &[String]) -> String {
    let Setting { key, form, default, .. } = setting;
    let quoted = texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    match (texts.is_empty(), form) {
        (true, _) => comment(&format!("{key}: by default {default}.")),
        (false, Form::Text) => format!("{key} = {quoted}\n"),
        (false, Form::Number) => format!("{key} = {}\n", texts.concat()),
        (false, Form::Texts) => format!("{key} = [{quoted}]\n"),
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Writing to a string does not fail.
            other if other.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

/// `text` as lines of comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + word.len() >= WIDTH && line.len() > 1 {
            lines += &line;
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_breaks_out_of_its_line() {
        for text in ["a\"b", "a\\", "a\nissuer = \"b\"", "\u{7f}\u{85}", "\"\"\""] {
            let line = format!("data_dir = {}", quoted(text));
            let read: toml::Table = toml::from_str(&line).unwrap();

            assert_eq!(read["data_dir"].as_str(), Some(text), "{line}");
        }
    }

    #[test]
    fn comments_are_comments() {
        assert!(
            comment(&"long word ".repeat(50))
                .lines()
                .all(|line| line.starts_with("# ") && line.len() <= WIDTH)
        );
    }
}
