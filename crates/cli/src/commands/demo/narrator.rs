//! The text of the demo, for a terminal of 100 columns.

use crate::commands::demo::step::Step;
use crate::commands::demo::walk::CredentialBytes;
use crate::escape::escape_controls;

/// The width of the text.
const WIDTH: usize = 100;
/// What precedes each line of a step.
const INDENT: &str = "    ";

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// Writes steps as text.
pub(super) struct Narrator {
    uses_colour: bool,
}

impl Narrator {
    /// With or without colours.
    pub(super) const fn new(uses_colour: bool) -> Self {
        Self { uses_colour }
    }

    /// What precedes the steps.
    pub(super) fn introduction(&self, base: &str) -> String {
        let text = format!(
            "Sessions, JWTs and the hybrid of both, step by step, on a server that runs only for this demo ({base}). \
             Lines with > are requests, lines with < the statuses of the answers."
        );
        wrap(&text, "").join("\n") + "\n"
    }

    /// A step.
    pub(super) fn text(&self, number: usize, step: &Step) -> String {
        let title = format!("{number}. {}: {}", step.topic.as_str(), step.title);
        let mut lines = vec![self.style(BOLD, &title)];
        lines.extend(wrap(step.explanation, INDENT));
        for exchange in &step.requests {
            lines.extend(exchange.lines().iter().flat_map(|line| fit(line)));
        }
        lines.extend(step.details.iter().flat_map(|detail| fit(detail)));
        lines.extend(
            wrap(&format!("Shows: {}.", step.shows), INDENT).iter().map(|line| self.style(DIM, line)),
        );
        lines.join("\n") + "\n"
    }

    /// What follows the steps.
    pub(super) fn conclusion(&self, steps: usize, bytes: &CredentialBytes) -> String {
        let CredentialBytes { session_token, jwt, hybrid_access_token, hybrid_refresh_token } = bytes;
        let title = self.style(BOLD, "What the client sends with each request");
        format!(
            "{title}\n\
             {INDENT}session  session token   {session_token:>4} bytes  looked up on the server; ends at once\n\
             {INDENT}jwt      access token    {jwt:>4} bytes  verified by signature; elsewhere valid until it expires\n\
             {INDENT}hybrid   access token    {hybrid_access_token:>4} bytes  the same, but for minutes\n\
             {INDENT}         refresh token   {hybrid_refresh_token:>4} bytes  only for the next access token\n\n\
             All {steps} steps went as described. Which mode to choose: counterfoil init asks and recommends one.\n\
             To try it yourself: counterfoil dev"
        )
    }

    fn style(&self, style: &str, text: &str) -> String {
        if self.uses_colour { format!("{style}{text}{RESET}") } else { text.to_owned() }
    }
}

/// A line of a step. Its spaces are kept if it fits, for aligned columns.
fn fit(line: &str) -> Vec<String> {
    let line = escape_controls(line);
    match INDENT.len() + line.chars().count() <= WIDTH {
        true => vec![format!("{INDENT}{line}")],
        false => wrap(&line, &format!("{INDENT}  ")),
    }
}

/// The words of `text` in lines of at most [`WIDTH`] columns, each after `indent`. A longer word is broken.
fn wrap(text: &str, indent: &str) -> Vec<String> {
    let width = WIDTH - indent.len();
    let mut lines = vec![String::new()];
    for word in escape_controls(text).split_whitespace() {
        for piece in pieces(word, width) {
            let line = lines.last_mut().expect("there is always a line");
            let length = line.chars().count();
            if length == 0 {
                *line = piece;
            } else if length + 1 + piece.chars().count() <= width {
                line.push(' ');
                line.push_str(&piece);
            } else {
                lines.push(piece);
            }
        }
    }
    lines.into_iter().map(|line| format!("{indent}{line}")).collect()
}

/// A word in pieces of at most `width` characters.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters.chunks(width).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::demo::step::Topic;

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        let long = "word ".repeat(60) + &"x".repeat(250);
        for line in wrap(&long, INDENT) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(wrap("a b", "  "), ["  a b"]);
    }

    #[test]
    fn only_a_coloured_text_has_escape_sequences() {
        let step = || Step {
            name: "one",
            topic: Topic::All,
            title: "title",
            explanation: "explanation",
            shows: "something",
            requests: Vec::new(),
            details: Vec::new(),
        };

        assert!(!Narrator::new(false).text(1, &step()).contains('\u{1b}'));
        assert!(Narrator::new(true).text(1, &step()).starts_with(BOLD));
    }
}
