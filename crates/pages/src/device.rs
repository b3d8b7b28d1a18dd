//! The device of a session, named by its label or from its user agent.

use serde::Serialize;

/// A device, as the user knows it: by the label, else by the browser and the system, else as a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The name that the user or the application gave it. Untrusted text.
    pub label: Option<String>,
    /// The browser, as `Firefox`.
    pub browser: Option<&'static str>,
    /// The operating system, as `Linux`.
    pub system: Option<&'static str>,
    /// What it is.
    pub kind: DeviceKind,
}

/// What a device is, as far as its user agent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A browser on a computer.
    Computer,
    /// A phone or a tablet.
    Phone,
    /// Another program.
    Program,
}

/// Words in user agents of browsers, and what they mean. The first that is found counts: Edge names Chrome, and Chrome names
/// Safari. User agents have hardly changed since browsers froze them.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// The same for operating systems. Android names Linux.
const SYSTEMS: [(&str, &str, DeviceKind); 7] = [
    ("Android", "Android", DeviceKind::Phone),
    ("iPhone", "iOS", DeviceKind::Phone),
    ("iPad", "iPadOS", DeviceKind::Phone),
    ("Windows", "Windows", DeviceKind::Computer),
    ("Mac OS X", "macOS", DeviceKind::Computer),
    ("CrOS", "ChromeOS", DeviceKind::Computer),
    ("Linux", "Linux", DeviceKind::Computer),
];

impl Device {
    /// The device with this label and this user agent. Both are what a client has sent.
    pub fn new(label: Option<&str>, user_agent: Option<&str>) -> Self {
        let label = label.map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned);
        let agent = user_agent.unwrap_or_default();
        let browser = BROWSERS.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name);
        let system = SYSTEMS.iter().find(|(word, ..)| agent.contains(word));
        let kind = match (browser, system) {
            (Some(_), Some((.., kind))) => *kind,
            (Some(_), None) => DeviceKind::Computer,
            (None, _) => DeviceKind::Program,
        };
        Self { label, browser, system: system.map(|(_, name, _)| *name), kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_by_their_user_agent() {
        let chrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile \
                      Safari/537.36";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
                    Safari/537.36 Edg/131.0.0.0";
        let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.1 Safari/605.1.15";
        let named = |agent| {
            let Device { browser, system, kind, .. } = Device::new(None, Some(agent));
            (browser, system, kind)
        };

        assert_eq!(named(chrome), (Some("Chrome"), Some("Android"), DeviceKind::Phone));
        assert_eq!(named(edge), (Some("Edge"), Some("Windows"), DeviceKind::Computer));
        assert_eq!(named(safari), (Some("Safari"), Some("macOS"), DeviceKind::Computer));
        assert_eq!(named("curl/8.5.0"), (None, None, DeviceKind::Program));
    }

    #[test]
    fn an_empty_label_is_no_label() {
        assert_eq!(Device::new(Some("  "), None).label, None);
        assert_eq!(Device::new(Some(" phone "), None).label.as_deref(), Some("phone"));
    }
}
