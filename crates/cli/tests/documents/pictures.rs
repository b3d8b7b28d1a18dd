//! The pictures of the pages are small, and each is shown in a document.

use std::fs;

use crate::names::root;

/// The largest picture in bytes.
const MAX_SIZE: u64 = 120 * 1000;

/// The largest size of all pictures in bytes.
const MAX_TOTAL: u64 = 1000 * 1000;

/// How many pages have a picture at least.
const PAGES: usize = 12;

/// The variable with the folder in which the browser tests of `counterfoil` and `counterfoil-lab` save the pictures.
const WRITE_PICTURES: &str = "COUNTERFOIL_WRITE_PICTURES";

#[test]
fn every_picture_of_a_page_is_small_and_shown_in_a_document() {
    let root = root();
    let files = fs::read_dir(root.join("docs/img")).unwrap().map(|file| file.unwrap());
    let pictures: Vec<(String, u64)> = files
        .map(|file| (file.file_name().into_string().unwrap(), file.metadata().unwrap().len()))
        .filter(|(name, _)| name.starts_with("page-"))
        .collect();
    let documents = fs::read_dir(root.join("docs")).unwrap().map(|file| file.unwrap().path());
    let documents = documents.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let text: String =
        documents.chain([root.join("README.md")]).map(|path| fs::read_to_string(path).unwrap()).collect();

    assert!(pictures.len() >= PAGES, "{WRITE_PICTURES} has them written: {pictures:?}");
    for (name, size) in &pictures {
        assert!(*size <= MAX_SIZE, "{name} has {size} bytes");
        assert!(text.contains(&format!("img/{name})")), "{name} is in no document");
    }
    let total: u64 = pictures.iter().map(|(_, size)| size).sum();
    assert!(total <= MAX_TOTAL, "all pictures have {total} bytes");
}
