//! The files that `--write` asks for, by the end of their names.

use super::{Report, SweepFormat, hgrm, hlog, html, svg};
use std::path::{Path, PathBuf};

/// What to do for Parquet where it is not built in.
const NO_PARQUET: &str = "this dagtwin was built without Parquet; `cargo install --path . \
                          --features parquet` builds one with it, and .json holds the figures";

/// The ends of names that are known.
const KNOWN: &str = ".json, .csv, .svg, .html, .hlog, .hgrm or .parquet";

/// Whether a name's end is one that is known and built in.
///
/// # Errors
/// A message, if it is not.
pub fn known(path: &Path) -> Result<(), String> {
    let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
    match end.as_deref().unwrap_or_default() {
        "json" | "csv" | "svg" | "html" | "htm" | "hlog" | "hgrm" => Ok(()),
        "parquet" if cfg!(feature = "parquet") => Ok(()),
        "parquet" => Err(NO_PARQUET.to_owned()),
        _ => Err(format!("`{}`: expected a name that ends in {KNOWN}", path.display())),
    }
}

/// The files that stand for a report under a name: one, or one for each point where the form has
/// room for one point only. Nothing is written.
///
/// # Errors
/// A message, if the name's end is none of those that are known, or the form is not built in.
pub fn files(report: &Report, path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
    let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
    let one = |bytes: Vec<u8>| Ok(vec![(path.to_owned(), bytes)]);
    let failed = |error: std::io::Error| error.to_string();
    let written = |format| {
        let mut bytes = Vec::new();
        super::write(report, format, &mut bytes).map_err(failed)?;
        one(bytes)
    };
    match end.as_deref().unwrap_or_default() {
        "json" => written(SweepFormat::Json),
        "csv" => written(SweepFormat::Csv),
        "svg" => one(svg::document(report)?.into_bytes()),
        "html" | "htm" => one(html::page(report)?.into_bytes()),
        "hlog" => one(hlog::write(report).map_err(failed)?),
        "hgrm" => Ok(numbered(path, hgrm::write(report))),
        "parquet" => one(columns(report)?),
        _ => Err(format!("`{}`: expected a name that ends in {KNOWN}", path.display())),
    }
}

/// One text under the name itself; of several, each under the name with its number.
fn numbered(path: &Path, texts: Vec<String>) -> Vec<(PathBuf, Vec<u8>)> {
    if texts.len() == 1 {
        return texts.into_iter().map(|text| (path.to_owned(), text.into_bytes())).collect();
    }
    let named = |(place, text): (usize, String)| {
        let name = format!("{place}.{}", path.extension().unwrap_or_default().to_string_lossy());
        (path.with_extension(name), text.into_bytes())
    };
    texts.into_iter().enumerate().map(named).collect()
}

#[cfg(feature = "parquet")]
fn columns(report: &Report) -> Result<Vec<u8>, String> {
    super::parquet::write(report)
}

#[cfg(not(feature = "parquet"))]
fn columns(_: &Report) -> Result<Vec<u8>, String> {
    Err(NO_PARQUET.to_owned())
}
