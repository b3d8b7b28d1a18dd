//! Templates and texts of an operator: what is accepted, and what is refused with its file and line.

use counterfoil_pages::sample::Sample;
use counterfoil_pages::{Language, Original, OverrideFile, OverrideKind, Overrides};

fn file(name: &str, content: impl Into<Vec<u8>>) -> OverrideFile {
    OverrideFile { name: name.to_owned(), content: content.into() }
}

/// Our template, with another part.
fn changed(name: &str, from: &str, to: &str) -> OverrideFile {
    let original = Original::templates().find(|file| file.name == name).unwrap();
    assert!(original.content.contains(from), "{name} has no {from}");
    file(name, original.content.replacen(from, to, 1))
}

/// What is wrong with templates, each error as a line.
fn errors(templates: Vec<OverrideFile>) -> Vec<String> {
    match Overrides::new(templates, vec![]) {
        Ok(_) => Vec::new(),
        Err(errors) => {
            let line = |error: counterfoil_pages::OverrideError| {
                assert_eq!(error.kind(), OverrideKind::Template);
                error.to_string()
            };
            errors.into_iter().map(line).collect()
        }
    }
}

fn text_errors(name: &str, text: &str) -> Vec<String> {
    match Overrides::new(vec![], vec![file(name, text)]) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.to_string()).collect(),
    }
}

/// The page of the first sample with this name.
fn shown(overrides: &Overrides, name: &str, language: Language) -> String {
    let sample = Sample::people().into_iter().find(|sample| sample.name() == name).unwrap();
    overrides.renderer().render_sample(language, &sample).unwrap()
}

#[test]
fn our_own_templates_and_texts_are_good_overrides() {
    let own = |file: Original| OverrideFile { name: file.name, content: file.content.into() };
    let templates: Vec<_> = Original::templates().map(own).collect();
    assert!(templates.len() > 40, "{}", templates.len());

    let overrides = Overrides::new(templates, Original::texts().map(own).collect());

    assert!(overrides.is_ok(), "{overrides:?}");
}

#[test]
fn a_template_and_a_text_replace_our_own() {
    let templates = vec![changed("login.html", "<h1>", "<p>Welcome to {{ frame.product }}</p>\n<h1>")];
    let texts = vec![
        file(
            "en.ftl",
            "# Ours.\nsign-in = Enter\npassword-hint = At least { $count ->\n    [one] one\n   *[other] { $count }\n}.\n",
        ),
        file("de.ftl", "sign-in = { continue } und anmelden\n"),
    ];

    let overrides = Overrides::new(templates, texts).unwrap();

    let login = shown(&overrides, "login", Language::English);
    assert!(login.contains("<h1>Enter</h1>") && login.contains("<p>Welcome to &lt;script&gt;"), "{login}");
    assert!(shown(&overrides, "login", Language::German).contains("<h1>Weiter und anmelden</h1>"));
    assert!(shown(&overrides, "login", Language::French).contains("<h1>Se connecter</h1>"));
    assert!(shown(&overrides, "register", Language::English).contains("At least \u{2068}15\u{2069}."));
    assert_eq!(overrides, overrides.clone());
}

#[test]
fn an_unknown_file_is_refused_and_the_nearest_name_suggested() {
    assert_eq!(
        errors(vec![file("signedin.html", "")]),
        ["signedin.html: is not the name of a template of the pages"]
    );
    let hint = |templates: &[&str], texts: &[(&str, &str)]| {
        let templates = templates.iter().map(|name| file(name, "")).collect();
        let texts = texts.iter().map(|(name, text)| file(name, *text)).collect();
        let errors = Overrides::new(templates, texts).unwrap_err();
        errors.into_iter().next().unwrap().hint()
    };
    let export = "`counterfoil pages export DIR` writes ours, to compare with";
    assert_eq!(hint(&["signedin.html"], &[]), "did you mean signed_in.html?");
    assert_eq!(hint(&["users.html"], &[]), "did you mean console/users.html?");
    assert_eq!(hint(&["README.md"], &[]), export);
    assert_eq!(hint(&["lab/home.html"], &[]), export, "templates of the lab are not replaced");
    assert_eq!(hint(&[], &[("it.ftl", "")]), export);
    assert_eq!(hint(&[], &[("en.ftl", "sign-inn = Enter")]), "did you mean sign-in?");
    assert_eq!(hint(&[], &[("en.ftl", "signed-in-as = { $nam }")]), "did you mean name?");
    assert_eq!(hint(&[], &[("en.ftl", "sign-in =\n    .title = a")]), export);
    assert_eq!(errors(vec![file("lab/home.html", "")]).len(), 1);
    assert_eq!(
        text_errors("xx.ftl", ""),
        ["xx.ftl: is not one of en.ftl, de.ftl, es.ftl, fr.ftl, ja.ftl, ar.ftl"]
    );
    assert_eq!(text_errors("en-XA.ftl", "").len(), 1);
}

#[test]
fn a_file_that_is_too_long_or_no_text_is_refused() {
    assert_eq!(errors(vec![file("login.html", " ".repeat(65_537))]), ["login.html: is longer than 64 KiB"]);
    assert_eq!(
        errors(vec![file("login.html", b"a\nb\xff".to_vec())]),
        ["login.html, line 2: is not UTF-8 text"]
    );
}

#[test]
fn a_text_that_is_not_ours_is_refused_with_its_line() {
    for (text, expected) in [
        ("sign-inn = Enter", "en.ftl, line 1: `sign-inn` is not a text of the pages"),
        ("\nsign-in = Enter { $name }", "en.ftl, line 2: `sign-in` has no value `name`; it has none"),
        (
            "signed-in-as = { $name } { $user ->\n   *[other] x\n}",
            "en.ftl, line 1: `signed-in-as` has no value `user`; it has `name`",
        ),
        ("sign-in = a\nsign-in = b", "en.ftl, line 2: `sign-in` is there twice"),
        ("sign-in =\n    .title = a", "en.ftl, line 1: `sign-in` has no text"),
        (
            "sign-in = { missing }",
            "en.ftl, line 1: the text `sign-in` in English: Resolver error: Unknown message: missing",
        ),
        (
            "sign-in = { sign-in }",
            "en.ftl, line 1: the text `sign-in` in English: Resolver error: Cyclical dependency detected",
        ),
        (
            "sign-in = { SHOUT(\"a\") }",
            "en.ftl, line 1: the text `sign-in` in English: Resolver error: Unknown function: SHOUT()",
        ),
    ] {
        assert_eq!(text_errors("en.ftl", text), [expected], "{text}");
    }
    let broken = text_errors("en.ftl", "sign-in = a\nsign-out\ncancel = b\n");
    assert!(
        broken.len() == 1 && broken[0].starts_with("en.ftl, line 2: is not a message of Fluent: "),
        "{broken:?}"
    );
}

#[test]
fn an_unknown_field_is_refused_and_the_nearest_one_suggested() {
    for (template, field, meant) in [
        ("login.html", "page.usernam", "page.username"),
        ("login.html", "page.destination.hst", "page.destination.host"),
        ("base.html", "frame.prodct", "frame.product"),
    ] {
        let source = format!("{{{{ {field} }}}}");
        let errors = Overrides::new(vec![file(template, source)], vec![]).unwrap_err();
        let hint = errors.into_iter().next().unwrap().hint();
        assert_eq!(hint, format!("did you mean {meant}?"), "{field}");
    }
}

#[test]
fn a_template_that_does_not_fit_a_view_is_refused_with_its_line() {
    for (template, expected) in [
        (file("login.html", "a\n{% if %}"), "login.html, line 2: "),
        (
            file("login.html", "a\n{{ page.usrname }}"),
            "login.html, line 2: `page.usrname` is not a field of this page",
        ),
        // No sample reaches it.
        (
            file("login.html", "{% if false %}{{ page.destination.hst }}{% endif %}"),
            "login.html, line 1: `page.destination.hst` is not a field of this page",
        ),
        (
            file("base.html", "\n\n{{ frame.prodct }}"),
            "base.html, line 3: `frame.prodct` is not a field of this page",
        ),
        (file("login.html", "\n{{ nothing }}"), "login.html, line 2: it cannot show the page \"login\": "),
        (
            file("login.html", "{{ t(\"sign-inn\") }}"),
            "login.html, line 1: it cannot show the page \"login\": the text `sign-inn` in English: no such text",
        ),
        (
            file("login.html", "{% include \"/etc/passwd\" %}"),
            "login.html, line 1: it cannot show the page \"login\": ",
        ),
        (
            file("parts.html", "{% macro brand(frame, home) %}{% endmacro %}"),
            "parts.html: it cannot show the page ",
        ),
    ] {
        let name = template.name.clone();
        let errors = errors(vec![template]);
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{name}: {errors:#?}");
    }
}

/// An attacker could register a script as a username, which would run in the browsers of others.
#[test]
fn nothing_turns_escaping_off() {
    for part in [
        "{{ page.username | safe }}",
        "{{ page.username|safe }}",
        "{% filter safe %}{{ page.username }}{% endfilter %}",
        "{% autoescape false %}{{ page.username }}{% endautoescape %}",
        "{%-\nautoescape none %}{{ page.username }}{% endautoescape %}",
    ] {
        let errors = errors(vec![changed("login.html", "<h1>", &format!("{part}\n<h1>"))]);
        assert!(
            errors.len() == 1 && errors[0].contains("as markup, and cannot be used"),
            "{part}: {errors:?}"
        );
    }
    // Not found in the text of the template, and refused when it is rendered.
    let hidden = "{{ [page.username] | map(\"safe\") | join }}";
    assert!(!errors(vec![changed("login.html", "<h1>", &format!("{hidden}<h1>"))]).is_empty());
    let word = changed("login.html", "<h1>", "<p>This is safe. {{ frame.product is safe }}</p><h1>");
    assert!(errors(vec![word]).is_empty());
}

#[test]
fn what_the_browser_would_refuse_is_refused_at_the_start() {
    for (part, expected) in [
        ("<script>alert(1)</script>", "the content security policy forbids `<script>`"),
        ("<style>p{color:red}</style>", "the content security policy forbids `<style>`"),
        ("<iframe src=\"/x\"></iframe>", "the content security policy forbids `<iframe>`"),
        ("<p style=\"color:red\">a</p>", "`<p>` may not have the attribute `style`"),
        ("<p onclick=\"x()\">a</p>", "`<p>` may not have the attribute `onclick`"),
        ("<img src=\"https://cdn.example/a.png\" alt=\"\">", "`<img>` may load a path of this origin only"),
        ("<img src=\"//cdn.example/a.png\" alt=\"\">", "`<img>` may load a path of this origin only"),
        ("<a href=\" javascript:x()\">a</a>", "a link of `<a>` would run a script"),
        ("<p title={{ page.username }}>a</p>", "`<p>` has an attribute with a value without quotes"),
        (
            "<meta http-equiv=\"refresh\" content=\"0; url=https://a.example\">",
            "a `<meta http-equiv>` may not be added",
        ),
    ] {
        let errors = errors(vec![changed("login.html", "<h1>", &format!("{part}\n<h1>"))]);
        let [error] = &errors[..] else { panic!("{part}: {errors:#?}") };
        assert!(error.starts_with("login.html, line 5: ") && error.contains(expected), "{part}: {error}");
    }
}

#[test]
fn a_form_keeps_what_it_must_send() {
    for (name, from, to, expected) in [
        ("login.html", "{{ parts.return_fields(page) }}", "", "the form to `/login` has no `return_to`"),
        ("login.html", "name=\"password\"", "name=\"pass\"", "the form to `/login` has no field `password`"),
        (
            "login.html",
            "method=\"post\"",
            "method=\"get\"",
            "the form that is sent to `/login` by `post` is missing",
        ),
        ("register.html", "name=\"username\"", "", "the form to `/register` has no field `username`"),
        ("logout.html", "/logout\"", "/account\"", "the form that is sent to `/logout` by `post` is missing"),
        ("console/confirm.html", "action=\"{{ page.action }}\"", "", "is missing"),
    ] {
        let errors = errors(vec![changed(name, from, to)]);
        assert!(errors.iter().any(|error| error.contains(expected)), "{name}, {from}: {errors:#?}");
        assert!(errors.iter().all(|error| error.starts_with(&format!("{name}, line "))), "{errors:#?}");
    }
    let email = "<input class=\"input\" id=\"email\" name=\"email\"";
    assert!(errors(vec![changed("register.html", email, "<input class=\"input\" id=\"email\"")]).is_empty());
}

#[test]
fn a_very_long_page_is_refused() {
    let long = "{% for a in range(4000) %}<p>{{ frame.product }}</p>{% endfor %}\n<h1>";
    let errors = errors(vec![changed("login.html", "<h1>", long)]);
    assert_eq!(errors, ["login.html, line 5: a page would be longer than 256 KiB"]);
}
