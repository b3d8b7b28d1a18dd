//! Settings of new usernames.

use counterfoil::{LookAlikes, ScriptRestriction};

use crate::configuration::setting::{DefaultValue, Form, Setting};
use crate::configuration::value::{word, word_for};

/// The words for [`ScriptRestriction`]: the names of UTS 39, section 5.2.
const RESTRICTIONS: [(&str, ScriptRestriction); 5] = [
    ("ascii_only", ScriptRestriction::Ascii),
    ("single_script", ScriptRestriction::SingleScript),
    ("highly_restrictive", ScriptRestriction::HighlyRestrictive),
    ("moderately_restrictive", ScriptRestriction::ModeratelyRestrictive),
    ("unrestricted", ScriptRestriction::Unrestricted),
];

/// The words for [`LookAlikes`].
const LOOK_ALIKES: [(&str, LookAlikes); 2] = [("refuse", LookAlikes::Refuse), ("allow", LookAlikes::Allow)];

/// `[usernames]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "usernames.scripts",
        form: Form::Text,
        default: DefaultValue::Value(|builder| word_for(&RESTRICTIONS, builder.settings.usernames.scripts)),
        doc: "Which scripts a new username may use (UTS 39, section 5.2): `ascii_only`; `single_script`; \
              `highly_restrictive`, one script or Latin with Chinese, Japanese or Korean; `moderately_restrictive`, also \
              Latin with one other script except Cyrillic and Greek; `unrestricted`.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            word(values, &RESTRICTIONS).map(|scripts| builder.settings.usernames.scripts = scripts)
        },
    },
    Setting {
        name: "usernames.look_alikes",
        form: Form::Text,
        default: DefaultValue::Value(|builder| {
            word_for(&LOOK_ALIKES, builder.settings.usernames.look_alikes)
        }),
        doc: "What happens to a new username that looks like the one of another user, as `аda` (Cyrillic) or `b0b` look \
              like `ada` and `bob`: `refuse`, it is refused like a taken one; `allow`, for an import of existing users.",
        former_names: &[],
        flag: None,
        apply: |builder, values| {
            word(values, &LOOK_ALIKES).map(|look_alikes| builder.settings.usernames.look_alikes = look_alikes)
        },
    },
];
