//! One row for each design, year and cause.

use super::{Report, all_clients};
use std::io::{self, Write};

/// Writes the table. Years without an outage from a cause have no row for it; the row of a year
/// without a cause is its sum.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    let columns = ["design", "year", "cause", "clients", "outage_ms_per_client", "lost_messages"];
    table.write_record(columns).map_err(io::Error::from)?;
    let rates = &report.question.rates.rates;
    for (design, result) in report.designs.iter().zip(&report.comparison.results) {
        let clients = all_clients(result);
        for year in &result.years {
            let mut row = |cause: &str, lost: u128, mail: String| {
                let each = lost / 1_000_000 / u128::from(clients.max(1));
                let (year, clients) = (year.year.to_string(), clients.to_string());
                let row = [design.label.clone(), year, cause.to_owned(), clients];
                table.write_record(row.into_iter().chain([each.to_string(), mail]))
            };
            row("", year.total(), year.lost_mail.to_string()).map_err(io::Error::from)?;
            for (rate, lost) in &year.lost {
                row(&rates[*rate].name, *lost, String::new()).map_err(io::Error::from)?;
            }
        }
    }
    table.flush()
}
