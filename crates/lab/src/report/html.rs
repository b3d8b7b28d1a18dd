//! A report as one HTML file: it opens from disk, has no script, and loads nothing.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counterfoil_jose::digest::sha256;

use crate::report::model::Report;
use crate::report::{rows, svg};

const STYLE: &str = include_str!("page.css");

/// The page of a report. The report itself is in it as JSON.
///
/// # Errors
///
/// If the report is not JSON, which a number that is not finite would cause.
pub fn page(report: &Report) -> Result<String, serde_json::Error> {
    let hash = STANDARD.encode(sha256(STYLE.as_bytes()));
    // `<` ends no element in it.
    let json = serde_json::to_string(report)?.replace('<', "\\u003c");
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Sessions, JWTs and the hybrid, measured</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Sessions, JWTs and the hybrid, measured</h1>\n"
    );
    if let Some(warning) = rows::warning(report) {
        let _ =
            writeln!(page, "<p class=\"warning\" role=\"note\"><strong>⚠ {}.</strong></p>", escape(&warning));
    }
    for line in rows::conditions(report) {
        let _ = writeln!(page, "<p>{}</p>", escape(&line));
    }
    answers(&mut page, report);
    drawings(&mut page, report);
    figures(&mut page, report);
    let _ = write!(
        page,
        "</main>\n<script type=\"application/json\" id=\"report\">{json}</script>\n</body>\n</html>\n"
    );
    Ok(page)
}

fn answers(page: &mut String, report: &Report) {
    let answers = rows::answers(report);
    if answers.is_empty() {
        return;
    }
    page.push_str("<h2>The comparison</h2>\n");
    table_head(page, "The comparison", &["feature", "usually said", "session", "JWT", "hybrid"]);
    for answer in answers {
        let [session, jwt, hybrid] = answer.values.map(|value| escape(&value));
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{session}</td><td>{jwt}</td><td>{hybrid}</td></tr>\n\
             <tr class=\"says\"><td colspan=\"5\">{}</td></tr>",
            answer.feature,
            escape(&answer.usual),
            escape(&answer.says)
        );
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

fn drawings(page: &mut String, report: &Report) {
    for drawing in svg::drawings(report) {
        let _ =
            writeln!(page, "<figure>\n<figcaption>{}</figcaption>\n{}</figure>", drawing.title, drawing.svg);
    }
}

fn figures(page: &mut String, report: &Report) {
    page.push_str("<h2>All figures</h2>\n");
    table_head(page, "All figures", &["figure", "bare", "session", "JWT", "hybrid", "what it is"]);
    for [id, bare, session, jwt, hybrid, meaning] in rows::figures(report) {
        let _ = write!(page, "<tr><th scope=\"row\"><code>{}</code></th>", escape(&id));
        for cell in [bare, session, jwt, hybrid, meaning] {
            let _ = write!(page, "<td>{}</td>", escape(&cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</section>\n");
}

/// A table that scrolls sideways by itself, also by keyboard.
fn table_head(page: &mut String, name: &str, titles: &[&str]) {
    let _ = write!(page, "<section tabindex=\"0\" aria-label=\"{name}\">\n<table>\n<thead><tr>");
    for title in titles {
        let _ = write!(page, "<th scope=\"col\">{title}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
}

/// Text in HTML and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a b='c'>&\""), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;");
    }
}
