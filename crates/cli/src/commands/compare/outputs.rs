//! Where a report is written: the terminal, JSON, HTML and SVG, all from one report.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use counterfoil::operator::replace_file;
use counterfoil_lab::{Report, html, svg};

use crate::commands::compare::terminal;
use crate::error::CliError;
use crate::output::{print_json, print_line};
use crate::standard_input::is_standard_input;

/// The files to write. The table is for the terminal, if no file is standard output.
pub(super) struct Outputs {
    json: Option<PathBuf>,
    html: Option<PathBuf>,
    svg: Option<PathBuf>,
}

impl Outputs {
    /// Checks that the files can be written, before minutes are spent, and creates the directory of the drawings.
    pub(super) fn new(
        json: Option<PathBuf>,
        html: Option<PathBuf>,
        svg: Option<PathBuf>,
    ) -> Result<Self, CliError> {
        let outputs = Self { json, html, svg };
        if outputs.json.as_deref().is_some_and(is_standard_input)
            && outputs.html.as_deref().is_some_and(is_standard_input)
        {
            return Err(CliError::usage("`--json -` cannot be combined with `--html -`")
                .with_hint("name a file for one of them"));
        }
        for file in [&outputs.json, &outputs.html].into_iter().flatten() {
            let directory = file.parent().filter(|parent| *parent != Path::new(""));
            if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
                return Err(CliError::from_path("write", file, &io::ErrorKind::NotFound.into())
                    .with_hint(format!("create the directory {}", directory.display())));
            }
        }
        if let Some(directory) = &outputs.svg {
            fs::create_dir_all(directory)
                .map_err(|error| CliError::from_path("create", directory, &error))?;
        }
        Ok(outputs)
    }

    /// Writes all of them.
    pub(super) fn write(&self, report: &Report) -> Result<(), CliError> {
        let is_printed = |file: &Option<PathBuf>| file.as_deref().is_some_and(is_standard_input);
        if !is_printed(&self.json) && !is_printed(&self.html) {
            terminal::print(report)?;
        }
        if let Some(directory) = &self.svg {
            for drawing in svg::drawings(report) {
                write_file(&directory.join(drawing.name).with_extension("svg"), &drawing.svg)?;
            }
        }
        if let Some(file) = &self.html {
            let page = html::page(report).map_err(|error| CliError::from_error(&error))?;
            match is_standard_input(file) {
                true => print_line(page.trim_end())?,
                false => write_file(file, &page)?,
            }
        }
        match &self.json {
            Some(file) if is_standard_input(file) => print_json(report),
            Some(file) => {
                let text =
                    serde_json::to_string_pretty(report).map_err(|error| CliError::from_error(&error))?;
                write_file(file, &format!("{text}\n"))
            }
            None => Ok(()),
        }
    }
}

fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    let written = replace_file(path, |file| file.write_all(text.as_bytes()));
    written.map_err(|error| CliError::from_path("write", path, &error))
}
