//! Every template with every sample in a browser: valid HTML, no overflow at 320 pixels, and nothing that axe finds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use counterfoil_pages::{Asset, Language, Renderer};
use counterfoil_test_support::{chromium, interop_folder, output_of};
use serde_json::json;

use crate::{english_pages, people, pseudo};

/// The environment variable that asks for every combination of width, color scheme and direction.
const EVERYTHING: &str = "COUNTERFOIL_ALL_PAGES";

#[test]
fn every_page_is_accessible_and_fits_a_small_screen() {
    let (Some(node), Some(chromium)) = (interop_folder("browser"), chromium()) else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let renderer = Renderer::new();
    let english = people(&renderer, Language::English).into_iter().chain(english_pages(&renderer)).collect();
    let arabic = people(&renderer, Language::Arabic);
    let mut pages = Vec::new();
    for (lang, dir, rendered) in
        [("en", "ltr", english), ("ar", "rtl", arabic), ("en-XA", "ltr", pseudo::pages())]
    {
        let rendered: Vec<(String, String)> = rendered;
        for (name, html) in rendered {
            let file = format!("{}-{lang}.html", pages.len());
            fs::write(folder.join(&file), html).unwrap();
            pages.push(json!({ "name": name, "lang": lang, "dir": dir, "file": file }));
        }
    }
    let assets = Asset::ALL
        .map(|asset| (asset.name(), json!({ "type": asset.content_type, "content": asset.content })));
    let everything = std::env::var_os(EVERYTHING).is_some();
    let count = pages.len();
    let samples = json!({ "pages": pages, "assets": BTreeMap::from(assets), "everything": everything });
    fs::write(folder.join("samples.json"), samples.to_string()).unwrap();

    let mut check = Command::new("node");
    check.arg("check-pages.mjs").arg(chromium).arg(&folder).current_dir(node);
    assert_eq!(output_of(check), format!("checked {count} pages\n"));
}
