//! The text of the configuration file that `init` writes: every setting with its meaning, in its table.

use std::fmt::Write as _;

use crate::commands::init::answers::Answers;
use crate::commands::init::recommendation::Recommendation;
use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::table::settings;

/// The maximum width of comments.
const WIDTH: usize = 100;

/// The file: settings from the answers are set, the others are commented out with their defaults.
pub(crate) fn text(answers: &Answers, recommendations: &[Recommendation]) -> String {
    let mut text = comment(
        "The configuration of Counterfoil. `counterfoil check --config FILE` validates it; docs/configuration.md has \
         the details.",
    );
    text += "#\n# The recommended login requests of the clients:\n#\n";
    for Recommendation { client, mode, transport, reason } in recommendations {
        let request = format!("{{\"mode\": \"{mode}\", \"transport\": \"{transport}\"}}");
        text += &comment(&format!("{}: {request}: {reason}.", client.as_str()));
    }
    let mut current = None;
    for setting in settings() {
        let (table, key) = setting.table_and_key();
        if table != current {
            // Writing to a string does not fail.
            let _ = write!(text, "\n[{}]\n", table.unwrap_or_default());
            current = table;
        }
        text.push('\n');
        text += &comment(setting.doc);
        text += &line(setting, key, &answer(setting.name, answers));
    }
    text
}

/// The answer that is the value of this setting, if there is one.
fn answer(name: &str, answers: &Answers) -> Vec<String> {
    let tls = answers.tls.as_ref();
    let answer = match name {
        "issuer" => Some(&answers.issuer),
        "registration" => Some(&answers.registration),
        "listen" => answers.listen.as_ref(),
        "data_dir" => answers.data_dir.as_ref(),
        "tls.certificate" => tls.map(|tls| &tls.certificate),
        "tls.key" => tls.map(|tls| &tls.key),
        "trusted_proxies" => return answers.trusted_proxies(),
        "trusted_origins" => return answers.trusted_origins.clone(),
        _ => None,
    };
    answer.into_iter().cloned().collect()
}

/// The line that sets a key, or a comment with the default.
fn line(setting: &Setting, key: &str, values: &[String]) -> String {
    match (values.is_empty(), setting.default) {
        (false, _) => format!("{key} = {}\n", toml_value(setting.form, values)),
        (true, DefaultValue::Value(_)) => {
            let default = setting.form.split_values(&setting.default.text());
            format!("#{key} = {}\n", toml_value(setting.form, &default))
        }
        (true, DefaultValue::Description(text)) => comment(&format!("Default of {key}: {text}.")),
    }
}

/// Values as TOML.
fn toml_value(form: Form, values: &[String]) -> String {
    let quoted = values.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    match form {
        Form::Text | Form::Duration => quoted,
        Form::Number | Form::Boolean => values.concat(),
        Form::List => format!("[{quoted}]"),
        Form::Limit => match values.concat().split_once('/') {
            Some((max, window)) => format!("{{ max = {max}, window = \"{window}\" }}"),
            None => quoted,
        },
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
    use std::path::Path;

    use super::*;
    use crate::configuration::Configuration;

    #[test]
    fn an_answer_cannot_break_out_of_its_string() {
        for text in ["a\"b", "a\\", "a\nissuer = \"b\"", "\u{7f}\u{85}", "\"\"\""] {
            let line = format!("data_dir = {}", quoted(text));
            let read: toml::Table = toml::from_str(&line).unwrap();

            assert_eq!(read["data_dir"].as_str(), Some(text), "{line}");
        }
    }

    #[test]
    fn every_line_of_a_comment_is_one() {
        assert!(
            comment(&"long word ".repeat(50))
                .lines()
                .all(|line| line.starts_with("# ") && line.len() <= WIDTH)
        );
    }

    #[test]
    fn the_commented_defaults_are_valid_settings() {
        let answers: Answers =
            toml::from_str("issuer = \"https://a.example\"\nclients = [\"pages\"]\n").unwrap();
        let text = text(&answers, &[]);

        let with_defaults = text.lines().map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest,
            _ => line,
        });
        let with_defaults = with_defaults.collect::<Vec<_>>().join("\n");

        for text in [text, with_defaults] {
            let configuration = Configuration::from_text(Path::new("c.toml"), &text);
            assert!(configuration.validate(configuration.listen).is_ok(), "{text}");
        }
    }
}
