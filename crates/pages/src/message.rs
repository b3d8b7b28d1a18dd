//! A sentence that code has chosen: the id of a text, and the values in it.

use std::collections::BTreeMap;

use serde::Serialize;

/// A sentence: the id of a text in the files of texts, and its values. The renderer puts it into the language of the page.
///
/// ```
/// use counterfoil_pages::Message;
///
/// let message = Message::new("password-too-short").with("count", 8);
/// assert_eq!(message.id, "password-too-short");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// The id of the text.
    pub id: &'static str,
    /// The values by their names.
    pub values: BTreeMap<&'static str, MessageValue>,
}

/// A value in a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MessageValue {
    /// A number, which decides the plural form.
    Number(u64),
    /// A text, which is isolated from the direction of the text around it.
    Text(String),
}

impl Message {
    /// A sentence without values.
    pub const fn new(id: &'static str) -> Self {
        Self { id, values: BTreeMap::new() }
    }

    /// The same sentence with this value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<MessageValue>) -> Self {
        self.values.insert(name, value.into());
        self
    }
}

impl From<u64> for MessageValue {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<String> for MessageValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for MessageValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
