//! The forms of a page: what a template of the operator must keep of them.

use crate::overrides::markup::{Element, Tag};
use crate::sample::BASE;

/// Fields that a form may leave out.
const OPTIONAL: [&str; 2] = ["email", "remember"];

/// The form of the languages, which a page may leave out.
const LANGUAGES: &str = "/language";

/// A form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    method: String,
    action: String,
    fields: Vec<Field>,
    has_button: bool,
}

/// A named part of a form.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: String,
    kind: FieldKind,
}

#[derive(Debug, PartialEq, Eq)]
enum FieldKind {
    /// It is sent with this value, which the user does not see.
    Fixed(String),
    /// What is typed is not shown.
    Password,
    /// Any other.
    Visible,
}

/// The forms of a page.
pub(super) fn forms(tags: &[Tag]) -> Vec<Form> {
    let (mut forms, mut open): (Vec<Form>, bool) = (Vec::new(), false);
    for tag in tags {
        match tag {
            Tag::Start(element) if element.name == "form" => {
                let value = |name: &str, default: &str| element.attribute(name).unwrap_or(default).to_owned();
                let method = value("method", "get").to_ascii_lowercase();
                forms.push(Form { method, action: value("action", ""), fields: vec![], has_button: false });
                open = true;
            }
            Tag::End(name) if name == "form" => open = false,
            Tag::Start(element) if open => {
                if let Some(form) = forms.last_mut() {
                    form.add(element);
                }
            }
            Tag::Start(_) | Tag::End(_) => {}
        }
    }
    forms
}

impl Form {
    fn add(&mut self, element: &Element) {
        let kind = element.attribute("type").unwrap_or_default().to_ascii_lowercase();
        let is_button = match element.name.as_str() {
            "button" => !["button", "reset"].contains(&kind.as_str()),
            "input" => ["submit", "image"].contains(&kind.as_str()),
            "select" | "textarea" => false,
            _ => return,
        };
        self.has_button |= is_button;
        let Some(name) = element.attribute("name") else { return };
        let value = || element.attribute("value").unwrap_or_default().to_owned();
        let kind = match kind.as_str() {
            "hidden" => FieldKind::Fixed(value()),
            _ if is_button => FieldKind::Fixed(value()),
            "password" => FieldKind::Password,
            _ => FieldKind::Visible,
        };
        self.fields.push(Field { name: name.to_owned(), kind });
    }

    /// Whether it must be on a page that has it in our template: it changes something.
    fn is_required(&self) -> bool {
        self.method == "post" && !self.action.ends_with(LANGUAGES)
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.method, &self.action) == (&other.method, &other.action)
    }

    /// Where it is sent, as a user of the API knows it.
    fn path(&self) -> &str {
        self.action.strip_prefix(BASE).unwrap_or(&self.action)
    }
}

/// What is wrong with the forms of a page, compared with our page.
pub(super) fn faults(ours: &[Form], theirs: &[Form]) -> Vec<String> {
    let missing = ours.iter().filter(|form| form.is_required()).filter_map(|form| fault(form, theirs));
    missing.chain(theirs.iter().filter_map(|form| elsewhere(form, ours))).collect()
}

/// What is missing of our form.
fn fault(form: &Form, theirs: &[Form]) -> Option<String> {
    let same: Vec<_> = theirs.iter().filter(|other| form.is_same(other)).collect();
    let path = form.path();
    if same.is_empty() {
        return Some(format!("the form that is sent to `{path}` by `post` is missing"));
    }
    if !same.iter().any(|other| other.has_button) {
        return Some(format!("the form to `{path}` has no button that sends it"));
    }
    let required = form.fields.iter().filter(|field| !OPTIONAL.contains(&field.name.as_str()));
    let missing = required.into_iter().find(|field| !same.iter().any(|other| other.fields.contains(field)));
    missing.map(|field| match &field.kind {
        FieldKind::Fixed(_) => {
            format!("the form to `{path}` has no `{}` with the value that ours has", field.name)
        }
        FieldKind::Password => {
            format!("the form to `{path}` has no field `{}` of the type `password`", field.name)
        }
        FieldKind::Visible => format!("the form to `{path}` has no field `{}`", field.name),
    })
}

/// A form that would send a password to another place, or leaves this origin.
fn elsewhere(form: &Form, ours: &[Form]) -> Option<String> {
    let path = form.path();
    let is_ours = |has_password: bool| {
        ours.iter().any(|other| form.is_same(other) && (!has_password || other.has_password()))
    };
    if form.has_password() && !is_ours(true) {
        return Some(format!(
            "the form to `{path}` by `{}` asks for a password, and ours does not",
            form.method
        ));
    }
    let is_own = form.action.starts_with('/') && !form.action.starts_with("//");
    let problem =
        format!("the form to `{path}` leaves this origin, which the content security policy forbids");
    (!is_own && !is_ours(false)).then_some(problem)
}

impl Form {
    fn has_password(&self) -> bool {
        self.fields.iter().any(|field| field.kind == FieldKind::Password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overrides::markup::tags;

    const OURS: &str = "<form method=post action=/auth/login><input type=hidden name=return_to value=/a>\
                        <input name=username><input type=password name=password><input type=checkbox name=remember>\
                        <button>Go</button></form><form method=post action=/auth/language><button name=lang></form>";

    fn faults_of(theirs: &str) -> Vec<String> {
        faults(&forms(&tags(OURS)), &forms(&tags(theirs)))
    }

    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(OURS.contains(from), "{from}");
        faults_of(&OURS.replace(from, to))
    }

    #[test]
    fn a_form_may_leave_out_what_is_optional_and_have_more() {
        assert!(faults_of(OURS).is_empty());
        assert!(changed("<input type=checkbox name=remember>", "<input name=more>").is_empty());
        assert!(changed("<form method=post action=/auth/language><button name=lang></form>", "").is_empty());
    }

    #[test]
    fn a_form_keeps_its_fields_and_its_button() {
        for (from, to, expected) in [
            (
                "action=/auth/login",
                "action=/auth/other",
                "the form that is sent to `/login` by `post` is missing",
            ),
            (
                "method=post action=/auth/login",
                "action=/auth/login",
                "the form that is sent to `/login` by `post` is missing",
            ),
            ("<input name=username>", "", "the form to `/login` has no field `username`"),
            (
                "type=password",
                "type=text",
                "the form to `/login` has no field `password` of the type `password`",
            ),
            ("value=/a", "value=/b", "the form to `/login` has no `return_to` with the value that ours has"),
            (
                "<button>Go</button>",
                "<button type=button>Go</button>",
                "the form to `/login` has no button that sends it",
            ),
        ] {
            assert!(changed(from, to).contains(&expected.to_owned()), "{to}: {:?}", changed(from, to));
        }
    }

    #[test]
    fn a_password_is_sent_to_no_other_form() {
        let more = |form: &str| faults_of(&format!("{OURS}{form}"));
        assert_eq!(
            more("<form action=/auth/login><input type=password name=p></form>"),
            ["the form to `/login` by `get` asks for a password, and ours does not"]
        );
        assert_eq!(
            more("<form method=post action=https://shop.example/><input name=q></form>"),
            [
                "the form to `https://shop.example/` leaves this origin, which the content security policy forbids"
            ]
        );
        assert!(more("<form action=/search><input name=q></form>").is_empty());
    }
}
