//! The commands and options of the binary, as its help shows them, and the tasks of the project.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::run;
use crate::names::root;

/// A command, as its help shows it.
#[derive(Debug, Clone, Default)]
struct Command {
    commands: BTreeSet<String>,
    options: BTreeSet<String>,
}

/// All commands.
pub(super) struct Commands {
    /// The commands that were read, by their path.
    read: RefCell<BTreeMap<String, Command>>,
    /// The options of all commands, once they are known.
    options: OnceCell<BTreeSet<String>>,
    tasks: BTreeSet<String>,
}

impl Commands {
    pub(super) fn read() -> Self {
        Self { read: RefCell::default(), options: OnceCell::new(), tasks: tasks() }
    }

    fn command(&self, path: &[&str]) -> Command {
        let key = path.join(" ");
        if let Some(command) = self.read.borrow().get(&key) {
            return command.clone();
        }
        let help = run(&[path, &["--help"]].concat()).stdout;
        let command = Command { commands: commands_in(&help), options: options_in(&help) };
        self.read.borrow_mut().insert(key, command.clone());
        command
    }

    /// What a span names as a command or an option.
    pub(super) fn missing_in_span(&self, span: &str) -> Vec<String> {
        if span.starts_with("counterfoil ") || span.starts_with("cargo xtask ") {
            return self.missing_in_shell(span);
        }
        if span.starts_with("--") {
            let option = span.split([' ', '=', ',', '[']).next().unwrap_or_default();
            let is_known = self.all_options().contains(option) || FOREIGN_OPTIONS.contains(&option);
            return if is_known { vec![] } else { vec![format!("no option {option}")] };
        }
        if PHRASES.contains(&span) {
            return vec![];
        }
        // A command without the name of the program, as in a table of commands.
        let words: Vec<&str> = span.split(' ').collect();
        match words[..] {
            [first, _, ..]
                if !self.command(&[first]).commands.is_empty()
                    && self.command(&[]).commands.contains(first) =>
            {
                self.missing_in_line(span)
            }
            _ => vec![],
        }
    }

    /// The options in a sentence, as in a message without backticks.
    pub(super) fn missing_options(&self, text: &str) -> Vec<String> {
        let is_end = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-');
        let words = text.split_whitespace().map(|word| word.trim_start_matches(['`', '"', '(', '[', '\'']));
        let options = words.filter(|word| {
            word.strip_prefix("--")
                .is_some_and(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
        });
        let options = options.map(|word| word.split(is_end).next().unwrap_or_default());
        let unknown = options
            .filter(|option| !self.all_options().contains(*option) && !FOREIGN_OPTIONS.contains(option));
        unknown.map(|option| format!("no option {option}")).collect()
    }

    /// What a line of a shell names.
    pub(super) fn missing_in_shell(&self, line: &str) -> Vec<String> {
        let line = line.split(" #").next().unwrap_or_default();
        let mut missing = Vec::new();
        for command in line.split(['|', ';', '&', '(', ')', '`']) {
            let words: Vec<&str> = command.split_whitespace().collect();
            let start =
                words.iter().position(|word| *word == "counterfoil" || word.ends_with("/counterfoil"));
            if let Some(at) = start.filter(|at| {
                *at == 0 || words[at - 1] == "$" || words[at - 1].contains('=') || words[at - 1] == "sudo"
            }) {
                missing.extend(self.missing_in_line(&words[at + 1..].join(" ")));
            }
            if let ["cargo", "xtask", task, ..] = words[..] {
                let is_known = self.tasks.contains(task) || is_argument(task) || task.starts_with('-');
                missing.extend((!is_known).then(|| format!("no task {task}")));
            }
        }
        missing
    }

    /// What is missing of `user add NAME --role admin`.
    fn missing_in_line(&self, line: &str) -> Vec<String> {
        let (mut path, mut missing): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
        let mut options = Vec::new();
        let mut is_value = false;
        for word in line.split_whitespace().take_while(|word| !word.starts_with(['>', '<'])) {
            let command = self.command(&path);
            if std::mem::take(&mut is_value) {
                continue;
            }
            if let Some(option) = word.trim_matches(['[', ']', ',']).strip_prefix("--") {
                let name = option.split('=').next().unwrap_or_default();
                options.push(format!("--{name}"));
                // Before the command, an option that has a value is followed by it.
                is_value = !command.commands.is_empty()
                    && !option.contains('=')
                    && name != "help"
                    && name != "version";
            } else if command.commands.contains(word) {
                path.push(word);
            } else if !command.commands.is_empty() && !is_argument(word) {
                missing.push(format!("no command {} {word}", path.join(" ")));
                return missing;
            }
        }
        let known = self.command(&path).options;
        let unknown = options.into_iter().filter(|option| !known.contains(option));
        missing.extend(unknown.map(|option| format!("no option {option} of {}", path.join(" "))));
        missing
    }

    /// The options of all commands.
    fn all_options(&self) -> &BTreeSet<String> {
        self.options.get_or_init(|| self.read_options())
    }

    fn read_options(&self) -> BTreeSet<String> {
        let mut paths: Vec<Vec<String>> = vec![vec![]];
        let mut options = BTreeSet::new();
        while let Some(path) = paths.pop() {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            let command = self.command(&words);
            options.extend(command.options);
            let inner = command.commands.into_iter().filter(|name| name != "help");
            paths.extend(inner.map(|name| [path.clone(), vec![name]].concat()));
        }
        options
    }
}

/// Terms whose first word is also a command.
const PHRASES: [&str; 1] = ["audit log"];

/// Options of cargo, of the tasks of the project, and of the programs with which exports are made.
const FOREIGN_OPTIONS: [&str; 14] = [
    "--all-features",
    "--base64url",
    "--batch",
    "--before",
    "--csv",
    "--example",
    "--features",
    "--file",
    "--locked",
    "--profile",
    "--realm",
    "--release",
    "--seed",
    "--update",
];

/// Whether a word stands for something that the reader fills in.
fn is_argument(word: &str) -> bool {
    let word = word.trim_matches(['[', ']', '"', '\'']);
    word.is_empty()
        || word.contains(['…', '{', '<', '$', '/', '.', '\\', '-'])
        || !word.starts_with(|first: char| first.is_ascii_lowercase())
}

/// The commands in a help: the first words of the indented lines below `Commands:`.
fn commands_in(help: &str) -> BTreeSet<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn options_in(help: &str) -> BTreeSet<String> {
    let is_end = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-');
    let is_option = |line: &&str| line.trim_start().starts_with('-') || line.contains("[alias: --");
    let lines = help.lines().filter(is_option);
    let options = lines.flat_map(|line| line.split_whitespace().filter(|word| word.starts_with("--")));
    options.map(|word| word.split(is_end).next().unwrap_or_default().to_owned()).collect()
}

/// The tasks of `cargo xtask`: the variants of the enum, in kebab case.
fn tasks() -> BTreeSet<String> {
    let source = fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
    let (_, tasks) = source.split_once("enum Task {").unwrap();
    let (tasks, _) = tasks.split_once("\n}").unwrap();
    let names = tasks
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    let names = names.map(|line| line.split([',', '(']).next().unwrap_or_default());
    names.map(kebab_case).collect()
}

fn kebab_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
