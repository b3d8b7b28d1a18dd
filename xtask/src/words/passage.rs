//! Running text and the lines of the file that it stands on.

/// A paragraph, a comment or a string literal.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    pub(crate) text: String,
    /// Where each line begins, in bytes of `text`, and its number in the file.
    lines: Vec<(usize, usize)>,
}

impl Passage {
    /// Whether there is no text yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Says that what is pushed next stands on line `number` of the file.
    pub(crate) fn start_line(&mut self, number: usize) {
        self.lines.push((self.text.len(), number));
    }

    /// Adds a line of the file.
    pub(crate) fn push_line(&mut self, number: usize, text: &str) {
        self.start_line(number);
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// The number in the file of the line at `offset` of the text.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let before = self.lines.iter().rev().find(|(start, _)| *start <= offset);
        before.map_or(0, |(_, number)| *number)
    }
}

/// The paragraphs of a Markdown file: lines between blank lines.
pub(crate) fn paragraphs(text: &str) -> Vec<Passage> {
    let mut found = vec![Passage::default()];
    for (number, line) in (1..).zip(text.lines()) {
        let last = found.last_mut().expect("there is one from the start");
        if !line.trim().is_empty() {
            last.push_line(number, line);
        } else if !last.is_empty() {
            found.push(Passage::default());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_has_the_lines_of_its_text() {
        let found = paragraphs("# Title\n\nOne\ntwo.\n");

        assert_eq!(
            found.iter().map(|passage| &passage.text[..]).collect::<Vec<_>>(),
            ["# Title\n", "One\ntwo.\n"]
        );
        assert_eq!(found[1].line_at(found[1].text.find("two").unwrap()), 4);
    }
}
