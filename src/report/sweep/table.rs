//! Tables whose columns are as wide as they need to be; what does not fit beside the others
//! follows below.

use crate::report::page::{Ink, Page};
use std::io;

/// Rows of texts under a head; the first column names the row.
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<(Ink, Vec<String>)>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        Table { head: head.iter().map(|text| (*text).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, ink: Ink, cells: Vec<String>) {
        self.rows.push((ink, cells));
    }

    pub(super) fn write(&self, page: &mut Page<'_>) -> io::Result<()> {
        let of_column = |column: usize| {
            let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
            let texts = cells.chain(self.head.get(column));
            texts.map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(of_column).collect();
        let width = |column: usize| widths[column];
        // A name may take half of the page, the rest of it is cut.
        let name = width(0).min(page.width / 2);
        let mut from = 1;
        while from < self.head.len() {
            let mut to = from + 1;
            let mut used = 2 + name + 2 + width(from);
            while to < self.head.len() && used + 2 + width(to) <= page.width {
                used += 2 + width(to);
                to += 1;
            }
            let mut line = |ink: Ink, cells: &[String]| {
                let short: String = match cells[0].chars().count() > name {
                    true => cells[0].chars().take(name - 1).chain(['…']).collect(),
                    false => cells[0].clone(),
                };
                let mut text = format!("  {short:<name$}");
                for column in from..to {
                    let cell = cells.get(column).map_or("", String::as_str);
                    text += &format!("  {cell:>0$}", width(column));
                }
                page.line(ink, &text)
            };
            line(Ink::Dim, &self.head)?;
            for (ink, cells) in &self.rows {
                line(*ink, cells)?;
            }
            from = to;
        }
        Ok(())
    }
}
