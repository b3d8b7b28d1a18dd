//! The table `[cookies]`: names and attributes of the cookies.

use counterfoil::SameSite;

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{single, word, word_for};

/// The words for [`SameSite`].
const SAME_SITE: [(&str, SameSite); 3] =
    [("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)];

/// The settings of the cookies. What contradicts the issuer or another setting is found before the start.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "cookies.name",
        form: Form::Text,
        default: DefaultValue::Description(
            "`session` with the prefix `__Host-`; on loopback `counterfoil-session`",
        ),
        doc: "Name of the session cookie, without a prefix; the others are `NAME-access` and `NAME-refresh`. Two \
              applications on one host need different names.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let name = single(values)?.to_owned();
            builder.settings.cookies = std::mem::take(&mut builder.settings.cookies).name(name);
            Ok(())
        },
    },
    Setting {
        name: "cookies.domain",
        form: Form::Text,
        default: DefaultValue::Description("the host of the issuer alone"),
        doc: "Domain to whose hosts the cookies are sent. Each of these hosts can read them and set others with their \
              names, and the prefix is `__Secure-`.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let domain = single(values)?.to_owned();
            builder.settings.cookies = std::mem::take(&mut builder.settings.cookies).domain(domain);
            Ok(())
        },
    },
    Setting {
        name: "cookies.same_site",
        form: Form::Text,
        default: DefaultValue::Value(|_| word_for(&SAME_SITE, SameSite::default())),
        doc: "`lax`, `strict` or `none`: on which requests of other sites browsers send the session and access cookies.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            let same_site = word(values, &SAME_SITE)?;
            builder.settings.cookies = std::mem::take(&mut builder.settings.cookies).same_site(same_site);
            Ok(())
        },
    },
];
