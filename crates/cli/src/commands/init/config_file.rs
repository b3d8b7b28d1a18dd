//! The text of the configuration file that `init` writes: every setting with its meaning, in its table.

use std::fmt::Write as _;

use counterfoil::operator::advice::{Answers, Recommendation};

use crate::commands::init::answers::{listen, trusted_proxies};
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
        text += &line(setting, key, &answer(setting.name, answers), example(setting.name, answers));
    }
    text
}

/// The answer that is the value of this setting, if there is one.
fn answer(name: &str, answers: &Answers) -> Vec<String> {
    let tls = answers.tls.as_ref();
    let answer = match name {
        "issuer" => Some(&answers.issuer),
        "registration" => Some(&answers.registration),
        "listen" => return listen(answers).into_iter().collect(),
        "data_dir" => answers.data_dir.as_ref(),
        "tls.certificate" => tls.map(|tls| &tls.certificate),
        "tls.key" => tls.map(|tls| &tls.key),
        "trusted_proxies" => return trusted_proxies(answers),
        "trusted_origins" => return answers.trusted_origins.clone(),
        _ => None,
    };
    answer.into_iter().cloned().collect()
}

/// A valid value of a setting without a fixed default. `None` if only the operator can name one: a file that must exist, or
/// a domain.
fn example(name: &str, answers: &Answers) -> Option<String> {
    let dir = answers.data_dir.as_deref().unwrap_or("counterfoil-data");
    let example = match name {
        "issuer" => "https://auth.example",
        "base_path" => "/auth",
        "store" => return Some(format!("sqlite:{dir}/counterfoil.db")),
        "log_level" => "info",
        "trusted_origins" => "https://app.example",
        "return_origins" => "https://shop.example",
        "pages.accent" => "#3a1c71",
        "pages.languages" => "en",
        "help_url" => "https://shop.example/help",
        "trusted_proxies" | "forward_auth.proxies" => "10.0.0.0/8",
        "login_url" => "https://auth.example/login",
        "forward_auth.hosts" => "app.example",
        "metrics.listen" => "127.0.0.1:9464",
        "cookies.name" => "sid",
        "node.name" => "auth-1",
        "password_hashing.threads" => "2",
        _ => return None,
    };
    Some(example.to_owned())
}

/// The line that sets a key. If it is not set, it is commented out with the default, or with an example: a line that begins
/// with `#` and no space can be uncommented alone.
fn line(setting: &Setting, key: &str, values: &[String], example: Option<String>) -> String {
    match (values.is_empty(), setting.default, example) {
        (false, ..) => format!("{key} = {}\n", toml_value(setting.form, values)),
        (true, DefaultValue::Value(_), _) => {
            let default = setting.form.split_values(&setting.default.text());
            format!("#{key} = {}\n", toml_value(setting.form, &default))
        }
        (true, DefaultValue::Description(text), Some(example)) => {
            let example = toml_value(setting.form, &[example]);
            comment(&format!("Default: {text}. An example:")) + &format!("#{key} = {example}\n")
        }
        (true, DefaultValue::Description(text), None) => {
            comment(&format!("Default: {text}. To set it, add a line with {key} = and the value in quotes."))
        }
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

    /// The places of the lines that can be uncommented.
    fn commented(lines: &[&str]) -> Vec<usize> {
        let is_setting = |line: &str| {
            line.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '))
        };
        (0..lines.len()).filter(|at| is_setting(lines[*at])).collect()
    }

    fn is_valid(text: &str) {
        let configuration = Configuration::from_text(Path::new("c.toml"), text);
        let valid = configuration.validate(configuration.listen);
        assert!(valid.is_ok(), "{:?}: {text}", valid.err());
    }

    #[test]
    fn each_commented_line_and_all_together_can_be_uncommented() {
        for issuer in ["https://a.example", "http://127.0.0.1:3070", "http://localhost:3000"] {
            let answers = format!("issuer = {issuer:?}\nclients = [\"pages\"]\n");
            let text = text(&toml::from_str(&answers).unwrap(), &[]);
            let lines: Vec<&str> = text.lines().collect();
            let places = commented(&lines);
            assert!(places.len() + 16 > settings().count(), "{text}");

            is_valid(&text);
            for at in &places {
                let one = lines.iter().enumerate();
                let one = one.map(|(place, line)| if place == *at { &line[1..] } else { line });
                is_valid(&one.collect::<Vec<_>>().join("\n"));
            }
            let all = lines.iter().enumerate();
            let all = all.map(|(place, line)| if places.contains(&place) { &line[1..] } else { line });
            is_valid(&all.collect::<Vec<_>>().join("\n"));
        }
    }

    #[test]
    fn only_a_file_or_a_domain_that_the_operator_must_name_has_no_commented_line() {
        let answers: Answers =
            toml::from_str("issuer = \"https://a.example\"\nclients = [\"spa\"]\n").unwrap();
        let without = settings().filter(|setting| {
            matches!(setting.default, DefaultValue::Description(_))
                && example(setting.name, &answers).is_none()
        });
        let without: Vec<_> = without.map(|setting| setting.name).collect();

        let expected = [
            "breached_passwords",
            "master_key_file",
            "store_file",
            "cache",
            "cache_file",
            "tls.certificate",
            "tls.key",
            "cookies.domain",
            "pages.css",
            "pages.logo",
            "pages.texts",
            "pages.templates",
        ];
        for name in &without {
            assert!(expected.contains(name), "{name} needs an example in `example`");
        }
    }

    #[test]
    fn the_address_follows_a_plain_http_issuer() {
        for (issuer, line) in [
            ("http://127.0.0.1:3070", "listen = \"127.0.0.1:3070\""),
            ("http://localhost:8080", "listen = \"127.0.0.1:8080\""),
            ("http://[::1]:3000", "listen = \"[::1]:3000\""),
            ("http://127.0.0.1:3000", "#listen = \"127.0.0.1:3000\""),
            ("https://a.example", "#listen = \"127.0.0.1:3000\""),
        ] {
            let answers = format!("issuer = {issuer:?}\nclients = [\"pages\"]\n");
            let text = text(&toml::from_str(&answers).unwrap(), &[]);

            assert!(text.lines().any(|found| found == line), "{issuer}: {text}");
        }
    }
}
