//! Settings of the pages for people.

use counterfoil::{AccentError, Language};

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{InvalidValue, boolean, path, single};

/// The longest name of the product, in characters.
const MAX_NAME: usize = 64;

/// Whether there are pages, and what they show.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "pages.enabled",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.pages.enabled.to_string()),
        doc: "Whether the server has pages for people: `/login`, `/register`, `/logout` and `/account`.",
        former_names: &[],
        flag: None,
        apply: |builder, values| boolean(values).map(|enabled| builder.settings.pages.enabled = enabled),
    },
    Setting {
        name: "pages.name",
        form: Form::Text,
        default: DefaultValue::Value(|builder| builder.settings.pages.name.clone()),
        doc: "Name of the product, at the top of each page; at most 64 characters.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let name = single(values)?;
            if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control)
            {
                return Err(InvalidValue::new(format!(
                    "must have 1 to {MAX_NAME} characters, without control characters"
                )));
            }
            builder.settings.pages.name = name.to_owned();
            Ok(())
        },
    },
    Setting {
        name: "pages.accent",
        form: Form::Text,
        default: DefaultValue::Description("the green of Counterfoil"),
        doc: "Color of buttons, links and marks, like `#3a1c71`. White or dark text on it must have a contrast of 4.5:1; the \
              colors of the dark scheme are derived from it.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let invalid = |error: AccentError| InvalidValue::new(error.to_string());
            builder.settings.pages.theme.accent = Some(single(values)?.parse().map_err(invalid)?);
            Ok(())
        },
    },
    Setting {
        name: "pages.css",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "Path of a style sheet that all pages load after ours; at most 64 KiB, read when the server starts.",
        former_names: &[],
        flag: None,
        apply: |builder, values| path(values).map(|file| builder.page_files.css = Some(file)),
    },
    Setting {
        name: "pages.logo",
        form: Form::Text,
        default: DefaultValue::Description("the mark of Counterfoil"),
        doc: "Path of a picture at the top of each page, before the name: SVG or PNG of at most 64 KiB, read when the server starts.",
        former_names: &[],
        flag: None,
        apply: |builder, values| path(values).map(|file| builder.page_files.logo = Some(file)),
    },
    Setting {
        name: "pages.texts",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "Directory of files like `en.ftl` with messages that replace ours; read when the server starts.",
        former_names: &[],
        flag: None,
        apply: |builder, values| path(values).map(|directory| builder.page_files.texts = Some(directory)),
    },
    Setting {
        name: "pages.templates",
        form: Form::Text,
        default: DefaultValue::Description("none"),
        doc: "Directory of templates that replace ours of the same name, like `login.html`; read, and rendered with samples, when the \
              server starts.",
        former_names: &[],
        flag: None,
        apply: |builder, values| path(values).map(|directory| builder.page_files.templates = Some(directory)),
    },
    Setting {
        name: "pages.languages",
        form: Form::List,
        default: DefaultValue::Description("all: en, de, es, fr, ja, ar"),
        doc: "Languages that the pages offer, in this order. A browser that asks for none of them gets the first one.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let unknown = |code: &String| {
                let known = Language::ALL.map(Language::code).join(", ");
                InvalidValue::new(format!("{code:?} is not a language of the pages, which are {known}"))
            };
            let mut languages = Vec::new();
            for code in values {
                let language = Language::from_code(code).ok_or_else(|| unknown(code))?;
                if languages.contains(&language) {
                    return Err(InvalidValue::new(format!("names {code:?} twice")));
                }
                languages.push(language);
            }
            if languages.is_empty() {
                return Err(InvalidValue::new("must name a language").hint("remove it to offer all of them"));
            }
            builder.settings.pages.theme.languages = languages;
            Ok(())
        },
    },
    Setting {
        name: "console.enabled",
        form: Form::Boolean,
        default: DefaultValue::Value(|builder| builder.settings.console.enabled.to_string()),
        doc: "Whether the server has the console at `/admin`, for users with the role `admin`; it needs `pages.enabled`. \
              `counterfoil dev` has it.",
        former_names: &[],
        flag: None,
        apply: |builder, values| boolean(values).map(|enabled| builder.settings.console.enabled = enabled),
    },
    Setting {
        name: "return_origins",
        form: Form::List,
        default: DefaultValue::Description("none"),
        doc: "Origins of applications to which the sign-in page leads back (`return_to`), like `https://shop.example`, \
              besides `trusted_origins`; compared exactly.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let origin = |text: &String| {
                let invalid = |fault| InvalidValue::new(format!("{text:?} is not an origin: {fault}"));
                let origin: counterfoil::Origin = text.parse().map_err(invalid)?;
                let is_web = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
                let not_web =
                    || InvalidValue::new(format!("{text:?} must begin with `https://` or `http://`"));
                if is_web { Ok(origin) } else { Err(not_web()) }
            };
            builder.settings.pages.return_origins = values.iter().map(origin).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "help_url",
        form: Form::Text,
        default: DefaultValue::Description("none: the page has no such link"),
        doc: "Where users who cannot sign in get help: an `https://` or `mailto:` URL, behind \"Trouble signing in?\".",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let url = single(values)?;
            let is_link = ["https://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
            if !is_link || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(InvalidValue::new("must be a URL with `https://` or `mailto:`, without spaces"));
            }
            builder.settings.pages.help_url = Some(url.to_owned());
            Ok(())
        },
    },
];

#[cfg(test)]
mod tests {
    use crate::configuration::builder::SettingsBuilder;
    use crate::configuration::table::setting;

    /// What is wrong with the value of a setting.
    fn fault(name: &str, value: &str) -> Option<String> {
        let mut builder = SettingsBuilder::default();
        let applied = (setting(name).unwrap().apply)(&mut builder, &[value.to_owned()]);
        applied.err().map(|invalid| invalid.message)
    }

    #[test]
    fn an_accent_on_which_no_text_can_be_read_is_refused() {
        assert_eq!(fault("pages.accent", "#3a1c71"), None);
        assert_eq!(fault("pages.accent", "#FFD400"), None);
        let faint = "white text on #808080 has a contrast of 3.94:1 and dark text one of 4.25:1, and one of them must \
                     have 4.5:1";
        assert_eq!(fault("pages.accent", "#808080").as_deref(), Some(faint));
        let syntax = "must be a color like #0b6350: `#` and six hexadecimal digits";
        for text in ["purple", "#fff", "#0b635", "#0b63500", "#0b635g", "#+b6350"] {
            assert_eq!(fault("pages.accent", text).as_deref(), Some(syntax), "{text}");
        }
    }

    #[test]
    fn an_unknown_language_is_refused() {
        assert_eq!(fault("pages.languages", "de"), None);
        let unknown = "\"xx\" is not a language of the pages, which are en, de, es, fr, ja, ar";
        assert_eq!(fault("pages.languages", "xx").as_deref(), Some(unknown));
        let mut builder = SettingsBuilder::default();
        let apply = setting("pages.languages").unwrap().apply;
        assert!(apply(&mut builder, &[]).is_err());
        let twice = apply(&mut builder, &["de".to_owned(), "de".to_owned()]);
        assert_eq!(twice.unwrap_err().message, "names \"de\" twice");
    }
}
