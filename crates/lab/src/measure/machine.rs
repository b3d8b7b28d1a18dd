//! What a report says of the machine.

use std::fs;

use counterfoil_load::machine::affinity::core_count;

use crate::report::model::Machine;

/// Describes this machine. `is_pinned`: the server and the client have a core each.
pub(crate) fn describe(is_pinned: bool) -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    Machine {
        os: member(&read("/etc/os-release"), "PRETTY_NAME", '=')
            .unwrap_or_else(|| std::env::consts::OS.to_owned()),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        cpu: member(&read("/proc/cpuinfo"), "model name", ':')
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: core_count() as u64,
        memory_bytes: memory_bytes(&read("/proc/meminfo")),
        pinned: is_pinned,
        load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
    }
}

/// The value of the first line `NAME separator VALUE`, without quotation marks.
fn member(text: &str, name: &str, separator: char) -> Option<String> {
    let value = |line: &str| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    };
    text.lines().find_map(value)
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = member(meminfo, "MemTotal", ':').unwrap_or_default();
    total.trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_are_read() {
        assert_eq!(
            member("A=1\nPRETTY_NAME=\"Debian 12\"\n", "PRETTY_NAME", '='),
            Some("Debian 12".to_owned())
        );
        assert_eq!(member("model name\t: Some CPU\n", "model name", ':'), Some("Some CPU".to_owned()));
        assert_eq!(memory_bytes("MemTotal:       2048 kB\nMemFree: 1 kB\n"), 2 << 20);
        assert_eq!(memory_bytes(""), 0);
    }
}
