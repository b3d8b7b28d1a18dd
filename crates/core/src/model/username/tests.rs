//! Tests of the canonical forms, the rules for names, and what looks alike.

use proptest::prelude::*;

use super::*;

fn folded(text: &str) -> String {
    text.parse::<Username>().unwrap().folded().to_owned()
}

fn error(text: &str) -> Option<UsernameError> {
    text.parse::<Username>().err()
}

fn look_alike(one: &str, other: &str) -> bool {
    let skeletons = |text: &str| text.parse::<Username>().unwrap().skeletons();
    let (one, other) = (skeletons(one), skeletons(other));
    one.iter().any(|skeleton| other.iter().any(|other| other == skeleton))
}

fn allows(restriction: ScriptRestriction, text: &str) -> bool {
    restriction.check(&text.parse().unwrap()).is_ok()
}

#[test]
fn names_that_differ_in_case_width_or_composition_are_equal() {
    assert_eq!(folded("Ada"), folded("aDA"));
    assert_eq!(folded("Zo\u{eb}"), folded("zoe\u{308}"));
    assert_eq!(folded("Straße"), folded("STRASSE"));
    assert_eq!(folded("ＡＤＡ"), "ada");
    assert_eq!(folded("ｱﾀﾞ"), folded("アダ"));
    assert_eq!(folded("user\u{3000}name"), "user name");
    assert_eq!(folded("Σίσυφος"), folded("ΣΊΣΥΦΟΣ"));
}

#[test]
fn names_of_people_are_valid() {
    for name in [
        "ada",
        "ada.lovelace+1",
        "O'Neil",
        "Ada Lovelace",
        "Zoë",
        "Nguyễn Văn Tèo",
        "İbrahim",
        "Łukasz",
        "Ólafur",
        "Юлия",
        "Ελένη",
        "Լևոն",
        "ნინო",
        "राम",
        "রহিম",
        "தமிழ்",
        "සුනිල්",
        "คำ",
        "ຄໍາ",
        "မောင်",
        "សុខា",
        "ተስፋ",
        "محمد",
        "محمد علي",
        "דוד",
        "王小明",
        "さくら",
        "サクラ・ミー",
        "김철수",
        "ᎠᏂ",
        "ⵎⵓⵃⵎⵎⴷ",
        "col·lega",
    ] {
        let parsed: Result<Username, _> = name.parse();
        assert!(parsed.is_ok(), "{name:?}: {parsed:?}");
        assert!(ScriptRestriction::default().check(&parsed.unwrap()).is_ok(), "{name:?}");
    }
}

#[test]
fn a_name_with_characters_that_people_do_not_see_is_rejected() {
    let bad = "\u{200b}\u{200c}\u{200d}\u{202e}\u{0}\n\u{feff}\u{3164}\u{115f}\u{1160}\u{ffa0}\u{ad}\u{2800}\u{34f}\
               \u{61c}\u{180e}\u{2066}\u{e0061}\u{fe0f}\u{e000}\u{378}\u{13441}\u{16fe4}\u{1d159}\u{17b4}\u{fffe}";
    for c in bad.chars() {
        for name in [format!("a{c}b"), format!("{c}"), format!("ab{c}"), format!("{c}ab")] {
            let error = error(&name);
            assert!(
                matches!(error, Some(UsernameError::Invisible | UsernameError::Space)),
                "{name:?}: {error:?}"
            );
        }
    }
}

#[test]
fn only_single_ordinary_spaces_separate_parts() {
    assert_eq!(folded("user name"), "user name");
    for name in
        [" ada", "ada ", "ada\u{a0}", "user  name", "user\u{a0}name", "user\u{2009}name", "user \u{3000}name"]
    {
        assert_eq!(error(name), Some(UsernameError::Space), "{name:?}");
    }
}

#[test]
fn symbols_and_other_forms_of_characters_are_rejected() {
    for (name, c) in [
        ("ada☺", '☺'),
        ("½", '½'),
        ("ﬁona", 'ﬁ'),
        ("𝐚da", '𝐚'),
        ("ada™", '™'),
        ("Ⅳ", 'Ⅳ'),
        ("a“b", '“'),
        ("ـa", 'ـ'),
    ] {
        assert_eq!(error(name), Some(UsernameError::Character(c)), "{name:?}");
    }
    assert_eq!(error("a·b"), Some(UsernameError::Context('·')));
    assert_eq!(error("ada＠b"), Some(UsernameError::At));
}

#[test]
fn marks_that_cover_other_text_are_rejected() {
    for name in ["\u{301}ada", "ada \u{301}b", "q\u{307}\u{307}", "q\u{323}\u{307}\u{331}\u{30b}\u{326}"] {
        assert_eq!(error(name), Some(UsernameError::Marks), "{name:?}");
    }
}

#[test]
fn a_name_has_one_text_direction() {
    for name in [
        "ada\u{5d0}",
        "\u{5d0}ada",
        "\u{5d0}\u{5d1} ada",
        "1\u{5d0}",
        "\u{5d0}-",
        "\u{627}1\u{661}",
        "a\u{661}",
    ] {
        assert_eq!(error(name), Some(UsernameError::Direction), "{name:?}");
    }
    assert!(error("\u{5d0}\u{5d1} \u{5d2}1").is_none());
}

#[test]
fn the_length_is_validated_in_the_canonical_form() {
    assert!("e\u{301}".repeat(64).parse::<Username>().is_ok());
    // `ß` folds to two characters.
    assert_eq!(error(&"ß".repeat(33)), Some(UsernameError::Length));
    assert_eq!(error(&"a".repeat(65)), Some(UsernameError::Length));
    assert_eq!(error(""), Some(UsernameError::Length));
}

#[test]
fn names_that_look_the_same_have_a_skeleton_in_common() {
    for (one, other) in [
        ("ada", "аdа"),
        ("alice", "aIice"),
        ("alice", "a1ice"),
        ("bob", "b0b"),
        ("modern", "modem"),
        ("ata", "АТА"),
        ("scope", "ѕсоре"),
        ("paypal", "раураӏ"),
        ("ilgaz", "ılgaz"),
        ("ibrahim", "İbrahim"),
        ("ada", "ɑdɑ"),
        ("lris", "Iris"),
    ] {
        assert!(look_alike(one, other), "{one:?} {other:?}");
    }
    for (one, other) in [("ada", "àda"), ("neil", "nell"), ("jose", "josé"), ("user1", "user2"), ("王", "玉")]
    {
        assert!(!look_alike(one, other), "{one:?} {other:?}");
    }
}

#[test]
fn each_restriction_allows_more_scripts_than_the_one_before() {
    use ScriptRestriction::{Ascii, HighlyRestrictive, ModeratelyRestrictive, SingleScript, Unrestricted};
    let levels = [Ascii, SingleScript, HighlyRestrictive, ModeratelyRestrictive, Unrestricted];
    for (name, first) in [
        ("ada", Ascii),
        ("zoë", SingleScript),
        ("Юлия", SingleScript),
        ("桜さくら", SingleScript),
        ("ada桜", HighlyRestrictive),
        ("adaராம", ModeratelyRestrictive),
        ("аda", Unrestricted),
        ("ελaνη", Unrestricted),
        ("ɑdmin", Unrestricted),
        ("রহিম১1", Unrestricted),
        ("Юраराम", Unrestricted),
    ] {
        for level in levels {
            let is_allowed =
                levels.iter().position(|&l| l == level) >= levels.iter().position(|&l| l == first);
            assert_eq!(allows(level, name), is_allowed, "{name:?} {level:?}");
        }
    }
}

#[test]
fn a_name_of_an_application_need_not_follow_the_profile() {
    let name = Username::of_application("Ａda ☺").unwrap();
    assert_eq!((name.as_str(), name.folded()), ("Ａda ☺", "ａda ☺"));
    assert_eq!(Username::of_application("a\u{200b}da"), Err(UsernameError::Invisible));
    assert_eq!(Username::of_application("ada@example.org"), Err(UsernameError::At));
}

/// Characters on which mappings act, and some on which none does.
fn text() -> impl Strategy<Value = String> {
    let interesting = prop::sample::select(
        "aAiIlßſıİKÅΣςͅᾳᾼ\u{300}\u{301}\u{307}\u{345}\u{323}ＡａﾞｶﾀｱﾡﾠÉéև\u{e33}\u{eb3}ĳŀŉǰᏸᎠ＠@ 　\u{a0}\u{ad}\u{2800}가각ᄀ"
            .chars()
            .collect::<Vec<_>>(),
    );
    prop::collection::vec(prop_oneof![3 => interesting, 1 => any::<char>()], 0..12)
        .prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn canonical_forms_are_stable(text in text()) {
        let canonical = canonical_form(&text);
        prop_assert_eq!(canonical_form(&canonical), canonical);
    }

    #[test]
    fn both_forms_of_a_name_are_the_same_name(text in text()) {
        if let Ok(name) = text.parse::<Username>() {
            for form in [name.as_str(), name.folded()] {
                let again: Username = form.parse().unwrap();
                prop_assert_eq!(again.as_str(), form);
                prop_assert_eq!(again.folded(), name.folded());
            }
            prop_assert_eq!(name.folded(), canonical_form(&text));
        }
    }
}
