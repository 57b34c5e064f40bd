//! `--accept`: timelines that came are written into the files.

use super::super::failure::Failure;
use super::super::{files, input};
use super::work::{Made, timeline_seed};
use super::{Case, Test};
use crate::lab::timeline;
use crate::report::difference::difference;
use std::path::Path;

/// Writes a case's timeline into its file, if it is to be; whether it was written.
pub(super) fn accept(args: &Test, case: &Case, made: &Made) -> Result<bool, Failure> {
    let (Some(seed), Some(came), true) = (timeline_seed(args, case), &made.timeline, args.accept)
    else {
        return Ok(false);
    };
    let known = &case.site.scenario.tested.timeline;
    let same = |lines: &str| !lines.trim().is_empty() && difference(lines, came).is_empty();
    if known.as_ref().is_some_and(|known| same(&known.lines)) {
        return Ok(false);
    }
    let path = Path::new(&case.call.1);
    let source = &case.site.sources.scenario;
    let text = timeline::written(&source.file, &source.text, seed, came).map_err(Failure::Input)?;
    let now = input::text_of(path)?;
    if now != source.text && now != text {
        let place = path.display();
        return Err(Failure::Call(format!(
            "{place}: the file was changed while its tests ran; it is left as it is"
        )));
    }
    // The file itself is replaced, not a link to it.
    let whole = std::fs::canonicalize(path).map_err(|error| Failure::at(path, &error))?;
    let written = files::replaced(&whole, text.as_bytes());
    written.map_err(|error| Failure::at(path, &error))?;
    Ok(true)
}
