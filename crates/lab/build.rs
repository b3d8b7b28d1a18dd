//! Names the build profile, which a report states: figures of an unoptimised build mean little.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var_os("OUT_DIR").unwrap_or_default();
    // target/PROFILE/build/PACKAGE-HASH/out: `PROFILE` of cargo is `release` for every optimised profile.
    let profile = Path::new(&folder).ancestors().nth(3).and_then(Path::file_name);
    let profile = profile.map_or_else(|| "unknown".into(), |name| name.to_string_lossy());
    println!("cargo::rustc-env=COUNTERFOIL_LAB_BUILD={profile}");
}
