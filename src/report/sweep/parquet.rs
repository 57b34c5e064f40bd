//! Every run as a row of a Parquet file, for DuckDB, pandas and what else reads columns.

use super::{Report, line};
use crate::lab::sweep::{CaseStudy, NEVER, PointStudy, Sample, VERSION};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::io::Write;
use std::sync::Arc;

/// Rows that are written together.
const TOGETHER: usize = 1 << 20;

/// A run with where it is from.
struct Row<'s> {
    place: usize,
    point: &'s PointStudy<'s>,
    case: &'s CaseStudy<'s>,
    seed: u64,
    run: &'s Sample,
}

/// Reads a value of a run; none for null.
type Read<'s, T> = Box<dyn Fn(&Row<'_>) -> Option<T> + 's>;

/// What a column has of a run.
enum Get<'s> {
    Text(Read<'s, String>),
    Number(Read<'s, i64>),
}

struct Column<'s> {
    name: String,
    /// Whether a row may have none.
    optional: bool,
    get: Get<'s>,
}

fn text<'s>(name: &str, get: impl Fn(&Row<'_>) -> Option<String> + 's) -> Column<'s> {
    Column { name: name.to_owned(), optional: false, get: Get::Text(Box::new(get)) }
}

fn number<'s>(name: &str, get: impl Fn(&Row<'_>) -> u64 + 's) -> Column<'s> {
    let get = move |row: &Row<'_>| Some(whole(get(row)));
    Column { name: name.to_owned(), optional: false, get: Get::Number(Box::new(get)) }
}

/// A count as Parquet's type has it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The columns, in their order.
fn columns<'s>(report: &'s Report<'s>) -> Vec<Column<'s>> {
    let mut all = vec![number("point", |row| row.place as u64)];
    for key in report.keys() {
        let value = move |row: &Row<'_>| {
            let found = row.point.point.iter().find(|one| one.key == key);
            found.map(|one| one.value.clone())
        };
        all.push(Column { optional: true, ..text(key, value) });
    }
    all.push(text("case", |row| Some(row.case.case.told())));
    // A seed has all 64 bits, and the column says so.
    let seed = Get::Number(Box::new(|row: &Row<'_>| Some(row.seed.cast_signed())));
    all.push(Column { name: SEED.to_owned(), optional: false, get: seed });
    all.push(text("verdict", |row| Some(row.run.verdict.word().to_owned())));
    all.push(number("failovers", |row| row.run.failovers.into()));
    all.push(number("lost_mail", |row| row.run.lost_mail));
    all.push(number("lost_logs", |row| row.run.lost_logs));
    all.push(number("unmet", |row| row.run.unmet.into()));
    all.push(number("cut_off", |row| row.run.cut_off.into()));
    let spans = |kind: &str,
                 names: Vec<&'s str>,
                 of: fn(&Sample) -> &[(u16, crate::base::Span)]| {
        let column = |name: &'s str| {
            let get = move |row: &Row<'_>| {
                let found = of(row.run).iter().find(|(word, _)| row.case.word(*word) == name)?;
                (found.1 != NEVER).then(|| whole(found.1.as_nanos()))
            };
            let get = Get::Number(Box::new(get));
            Column { name: format!("{kind}:{name}"), optional: true, get }
        };
        names.into_iter().map(column).collect::<Vec<_>>()
    };
    all.extend(spans("measure", report.study.measures(), |run| &run.measures));
    all.extend(spans("stage", report.stages(), |run| &run.stages));
    all
}

/// The column of seeds.
const SEED: &str = "seed";

/// What a reader has to know of the columns.
const UNITS: &str = "measure:NAME is nanoseconds from the first fault until it was back for good \
                     (of NAME-outage, how long it was away); null if it was not back at the end. \
                     stage:NAME is nanoseconds of the outage that the sweep divides; null if it \
                     has no such stage. A varied key is null at a point that leaves it as it is.";

/// The file.
pub(super) fn write(report: &Report) -> std::result::Result<Vec<u8>, String> {
    bytes(report).map_err(|error| error.to_string())
}

fn bytes(report: &Report) -> Result<Vec<u8>> {
    let columns = columns(report);
    let told = |key: &str, value: &str| KeyValue::new(key.to_owned(), line(value));
    let metadata = vec![
        told("dagtwin.title", report.title),
        told("dagtwin.command", report.repeat),
        told("dagtwin.columns", UNITS),
    ];
    let properties = WriterProperties::builder()
        .set_created_by(format!("dagtwin {VERSION}"))
        .set_key_value_metadata(Some(metadata))
        .build();
    let fields = columns.iter().map(field).collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder("run").with_fields(fields).build()?;
    let mut out = Vec::new();
    let mut file = SerializedFileWriter::new(&mut out, Arc::new(schema), Arc::new(properties))?;
    let rows = rows(report);
    for some in rows.chunks(TOGETHER) {
        group(&mut file, &columns, some)?;
    }
    file.close()?;
    Ok(out)
}

fn rows<'s>(report: &'s Report<'s>) -> Vec<Row<'s>> {
    let points = report.study.points.iter().enumerate();
    let cases =
        points.flat_map(|(place, point)| point.cases.iter().map(move |case| (place, point, case)));
    let runs = cases.flat_map(|(place, point, case)| {
        let row =
            move |(seed, run): &(u64, &'s Sample)| Row { place, point, case, seed: *seed, run };
        case.runs.iter().map(row)
    });
    runs.collect()
}

fn field(column: &Column) -> Result<Arc<Type>> {
    let (physical, logical) = match column.get {
        Get::Text(_) => (Physical::BYTE_ARRAY, LogicalType::String),
        Get::Number(_) => (Physical::INT64, LogicalType::integer(64, column.name != SEED)),
    };
    let repetition = if column.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let builder = Type::primitive_type_builder(&column.name, physical);
    let field = builder.with_repetition(repetition).with_logical_type(Some(logical)).build()?;
    Ok(Arc::new(field))
}

/// Writes some rows, column by column.
fn group<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    columns: &[Column],
    rows: &[Row],
) -> Result<()> {
    let mut group = file.next_row_group()?;
    for column in columns {
        let missing = || ParquetError::General(format!("no column for {}", column.name));
        let mut writer = group.next_column()?.ok_or_else(missing)?;
        let levels = |present: Vec<bool>| -> Option<Vec<i16>> {
            column.optional.then(|| present.into_iter().map(i16::from).collect())
        };
        match &column.get {
            Get::Text(get) => {
                let values: Vec<Option<String>> = rows.iter().map(get).collect();
                let levels = levels(values.iter().map(Option::is_some).collect());
                let bytes = |text: &String| ByteArray::from(text.as_str());
                let values: Vec<ByteArray> = values.iter().flatten().map(bytes).collect();
                writer.typed::<ByteArrayType>().write_batch(&values, levels.as_deref(), None)?;
            }
            Get::Number(get) => {
                let values: Vec<Option<i64>> = rows.iter().map(get).collect();
                let levels = levels(values.iter().map(Option::is_some).collect());
                let values: Vec<i64> = values.into_iter().flatten().collect();
                writer.typed::<Int64Type>().write_batch(&values, levels.as_deref(), None)?;
            }
        }
        writer.close()?;
    }
    group.close()?;
    Ok(())
}
