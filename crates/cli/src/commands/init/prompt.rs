//! Asks questions line by line: on a terminal, or with the answers on standard input.

use std::io::{self, BufRead, Write};

use crate::error::CliError;
use crate::escape::escape_controls;

/// Asks questions, and reads one line for each. An answer that is not valid is asked for again, so that the earlier ones are
/// not lost.
pub(super) struct Prompt<R, W> {
    pub(super) input: R,
    pub(super) output: W,
}

impl<R: BufRead, W: Write> Prompt<R, W> {
    /// Asks until `parse` accepts the answer. Its error says what would be right.
    ///
    /// # Errors
    ///
    /// If the input ends before that; usage.
    pub(super) fn ask<T>(
        &mut self,
        question: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, CliError> {
        loop {
            let answer = self.read_line(question)?;
            match parse(answer.trim()) {
                Ok(value) => return Ok(value),
                Err(error) => self.print(&format!("  {}; try again\n", escape_controls(&error)))?,
            }
        }
    }

    /// Asks for one of several words, by its number. An empty answer is the first one.
    pub(super) fn choose(&mut self, question: &str, items: &[&str]) -> Result<usize, CliError> {
        self.print(&numbered(question, items))?;
        self.ask("  number [1]", |answer| match answer {
            "" => Ok(0),
            text => parse_number(text, items.len()),
        })
    }

    /// Asks for at least one of several words, by their numbers.
    pub(super) fn choose_some(&mut self, question: &str, items: &[&str]) -> Result<Vec<usize>, CliError> {
        self.print(&numbered(question, items))?;
        self.ask("  numbers, separated by spaces", |answer| {
            let words = answer.split([' ', ',']).filter(|word| !word.is_empty());
            let chosen: Vec<usize> =
                words.map(|word| parse_number(word, items.len())).collect::<Result<_, _>>()?;
            if chosen.is_empty() { Err("at least one number is required".to_owned()) } else { Ok(chosen) }
        })
    }

    /// Asks for yes or no. An empty answer is `default`.
    pub(super) fn confirm(&mut self, question: &str, default: bool) -> Result<bool, CliError> {
        let shown = if default { "Y/n" } else { "y/N" };
        self.ask(&format!("{question} [{shown}]"), |answer| match answer.to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("the answer must be y or n".to_owned()),
        })
    }

    fn read_line(&mut self, question: &str) -> Result<String, CliError> {
        self.print(&format!("{question}: "))?;
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => {
                self.print("\n")?;
                let question = question.trim();
                Err(CliError::usage(format!(
                    "the input ended at the question \"{question}\"; nothing was written"
                ))
                .with_hint("answer every question, or give the answers in a file: --answers FILE"))
            }
            Ok(_) => Ok(line),
            Err(error) => Err(CliError::with_cause("cannot read the answer", &error)),
        }
    }

    fn print(&mut self, text: &str) -> Result<(), CliError> {
        let printed = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        printed.map_err(|error: io::Error| CliError::with_cause("cannot ask the questions", &error))
    }
}

fn numbered(question: &str, items: &[&str]) -> String {
    let lines = items.iter().zip(1..).map(|(item, number)| format!("  {number}  {item}\n"));
    format!("{question}\n{}", lines.collect::<String>())
}

fn parse_number(text: &str, count: usize) -> Result<usize, String> {
    let number = text.parse::<usize>().ok().filter(|number| (1..=count).contains(number));
    number.map(|number| number - 1).ok_or_else(|| format!("{text:?} must be a number from 1 to {count}"))
}
