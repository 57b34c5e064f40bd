//! The timeline: a column for each machine and one for the clients.

use super::lines::{Column, Line, lines};
use super::relative;
use crate::base::{Instant, MachineId};
use crate::journal::text::Names;
use crate::lab::Outcome;
use crate::report::page::{Ink, Page, wrap};
use std::io;

/// Width of moments.
pub(super) const TIME: usize = 9;

/// Room between two columns.
const GAP: usize = 2;

pub(super) fn timeline(outcome: &Outcome, names: &Names, page: &mut Page<'_>) -> io::Result<()> {
    let (lines, left_out) = lines(outcome, names);
    page.title("Timeline")?;
    if outcome.disturbed.is_some() {
        page.item(Ink::Plain, "", "Seconds from the first fault or order; negative: start-up.")?;
    }
    let machines = outcome.topology.machines.ids();
    let shown: Vec<MachineId> = machines
        .filter(|machine| lines.iter().any(|line| line.column == Column::Machine(*machine)))
        .collect();
    let zero = outcome.disturbed.unwrap_or(Instant::ZERO);
    match cells(&shown, &lines, page.width.saturating_sub(TIME + GAP)) {
        Some(cells) => columns(names, &shown, &cells, &lines, zero, page)?,
        None => narrow(names, &lines, zero, page)?,
    }
    if left_out > 0 {
        page.item(Ink::Dim, "", &format!("... {left_out} more lines, see --journal"))?;
    }
    Ok(())
}

/// Widths of the columns, each by its longest text, so that a quiet machine takes little room;
/// none if there is no room for columns.
fn cells(shown: &[MachineId], lines: &[Line], width: usize) -> Option<Vec<usize>> {
    const LEAST: usize = 16;
    const LONGEST: usize = 60;
    let columns = shown.iter().map(|id| Column::Machine(*id)).chain([Column::Clients]);
    let longest = columns.map(|column| {
        let texts = lines.iter().filter(|line| line.column == column);
        texts.map(|line| line.text.chars().count()).max().unwrap_or(0).clamp(LEAST, LONGEST)
    });
    let longest: Vec<usize> = longest.collect();
    let free = width.saturating_sub(longest.len() * (LEAST + GAP));
    if width < longest.len() * (LEAST + GAP + 2) {
        return None;
    }
    let wish = longest.iter().map(|cell| cell - LEAST).sum::<usize>().max(1);
    Some(longest.iter().map(|cell| LEAST + (cell - LEAST) * free.min(wish) / wish).collect())
}

fn columns(
    names: &Names,
    shown: &[MachineId],
    cells: &[usize],
    lines: &[Line],
    zero: Instant,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let mut head = format!("{:>TIME$}  ", "s");
    for (machine, cell) in shown.iter().zip(cells) {
        head += &format!("{:<cell$}  ", names.machine(*machine));
    }
    page.line(Ink::Bold, &(head + "Clients"))?;
    let mut before = String::new();
    for line in lines {
        let at = relative(line.at, zero);
        let label = if at == before { String::new() } else { at.clone() };
        before = at;
        let place = match line.column {
            Column::Across => {
                let text = format!("-- {} --", line.text);
                page.item(Ink::Bold, &format!("{label:>TIME$}  "), &text)?;
                continue;
            }
            Column::Machine(machine) => shown.iter().position(|m| *m == machine).unwrap_or(0),
            Column::Clients => shown.len(),
        };
        let indent = cells[..place].iter().map(|cell| cell + GAP).sum::<usize>();
        for (number, part) in wrap(&line.text, cells[place]).iter().enumerate() {
            let label = if number == 0 { label.as_str() } else { "" };
            page.line(Ink::Plain, &format!("{label:>TIME$}  {:indent$}{part}", ""))?;
        }
    }
    Ok(())
}

/// For windows that are too narrow for columns: one line after the other, with who it is about.
fn narrow(names: &Names, lines: &[Line], zero: Instant, page: &mut Page<'_>) -> io::Result<()> {
    for line in lines {
        let (who, ink) = match line.column {
            Column::Across => ("", Ink::Bold),
            Column::Machine(machine) => (names.machine(machine), Ink::Plain),
            Column::Clients => ("clients", Ink::Plain),
        };
        let lead = format!("{:>TIME$}  {who:<8} ", relative(line.at, zero));
        page.item(ink, &lead, &line.text)?;
    }
    Ok(())
}
