//! Compresses the OpenAPI documents: they are an eighth as large then.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::var_os("OUT_DIR").unwrap_or_default();
    for name in ["public.json", "admin.json"] {
        let source = Path::new("openapi").join(name);
        println!("cargo::rerun-if-changed={}", source.display());
        let compressed = miniz_oxide::deflate::compress_to_vec_zlib(&fs::read(source)?, 9);
        fs::write(Path::new(&folder).join(format!("{name}.zlib")), compressed)?;
    }
    Ok(())
}
