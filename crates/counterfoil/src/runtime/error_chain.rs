//! An error with its causes, as one line of text.

use std::error::Error;

/// The message of `error` and of each error in its [`source`](Error::source) chain, separated by `: `.
///
/// A transparent error has the message of its source, which is then written once.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    let (mut text, mut error) = (error.to_string(), error);
    while let Some(source) = error.source() {
        let message = source.to_string();
        if !text.ends_with(&message) {
            text = format!("{text}: {message}");
        }
        error = source;
    }
    text
}
