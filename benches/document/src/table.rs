//! The table: a row per bar, a column per library, and how far this project is from the best of the others.

use crate::{
    libs,
    runner::{Failure, Outcome},
};

/// A row: one figure of one case.
struct Row {
    title: &'static str,
    case: &'static str,
    figure: &'static str,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Milliseconds.
    Ms,
    /// Milliseconds, shown as microseconds.
    Us,
    /// Exact.
    Bytes,
    /// A mean.
    MeanBytes,
    /// Bytes, of which only the first digits matter.
    Heap,
}

const fn row(title: &'static str, case: &'static str, figure: &'static str, unit: Unit) -> Row {
    Row { title, case, figure, unit }
}

use Unit::{Bytes, Heap, MeanBytes, Ms, Us};

/// The rows that maps, lists and sets have alike.
macro_rules! values {
    ($group:literal) => {
        [
            row("local edits, each encoded, ms", concat!($group, "/send"), "ms", Ms),
            row("local edits, not encoded, ms", concat!($group, "/local"), "ms", Ms),
            row("heap held after these, MB", concat!($group, "/local"), "held", Heap),
            row("remote changes one at a time, then read, ms", concat!($group, "/remote"), "ms", Ms),
            row("bytes of a change, mean", concat!($group, "/send"), "mean bytes", MeanBytes),
            row("full-history snapshot, bytes", concat!($group, "/full"), "bytes", Bytes),
            row("state-only snapshot, bytes", concat!($group, "/state"), "bytes", Bytes),
            row("load the full snapshot and read, ms", concat!($group, "/load"), "ms", Ms),
            row("heap held after loading, MB", concat!($group, "/load"), "held", Heap),
            row("export the last tenth, ms", concat!($group, "/tail"), "ms of export", Ms),
            row("its bytes", concat!($group, "/tail"), "bytes", Bytes),
            row("import it, ms", concat!($group, "/tail"), "ms of import", Ms),
        ]
    };
}

const SECTIONS: [(&str, &[Row]); 6] = [
    (
        "A paper, typed by one person, each keystroke a transaction (`automerge-paper`)",
        &[
            row("local edits, each encoded, ms", "paper/send", "ms", Ms),
            row("local edits, not encoded, ms", "paper/local", "ms", Ms),
            row("heap held after these, MB", "paper/local", "held", Heap),
            row("remote changes one at a time, then read, ms", "paper/remote", "ms", Ms),
            row("heap held after these, MB", "paper/remote", "held", Heap),
            row("bytes of a change, mean", "paper/send", "mean bytes", MeanBytes),
            row("full-history snapshot, bytes", "paper/full", "bytes", Bytes),
            row("saving it, ms", "paper/full", "ms", Ms),
            row("state-only snapshot, bytes", "paper/state", "bytes", Bytes),
            row("saving it, ms", "paper/state", "ms", Ms),
            row("load the full snapshot and read, ms", "paper/load", "ms", Ms),
            row("heap held after loading, MB", "paper/load", "held", Heap),
            row("most heap while loading, MB", "paper/load", "peak", Heap),
            row("export the last tenth, ms", "paper/tail", "ms of export", Ms),
            row("its bytes", "paper/tail", "bytes", Bytes),
            row("import it, ms", "paper/tail", "ms of import", Ms),
        ],
    ),
    (
        "Two people on one page, every change exchanged (`friendsforever`)",
        &[
            row("all of it, ms", "friends/exchange", "ms", Ms),
            row("heap held by both, MB", "friends/exchange", "held", Heap),
        ],
    ),
    ("100 000 map sets over 1 000 keys, each a transaction", &values!("map")),
    ("50 000 list inserts at random places, each a transaction", &values!("list")),
    ("50 000 set adds and removes, each a transaction", &values!("set")),
    (
        "How the cost grows",
        &[
            row("insert at random in 1 k characters, µs each", "scale/1000", "ms", Us),
            row("… in 10 k", "scale/10000", "ms", Us),
            row("… in 100 k", "scale/100000", "ms", Us),
            row("… in 1 M", "scale/1000000", "ms", Us),
            row("… in 10 M", "scale/10000000", "ms", Us),
            row("paste 1 M characters, ms", "paste/1000000", "ms", Ms),
            row("… 10 M", "paste/10000000", "ms", Ms),
            row("delete all of 100 k scattered characters, ms", "delete-all/100000", "ms", Ms),
            row("… of 1 M", "delete-all/1000000", "ms", Ms),
            row("20 k inserts at alternating ends, ms", "ends/20000", "ms", Ms),
            row("… 200 k", "ends/200000", "ms", Ms),
            row("take in 3 changes each of 100 replicas, ms", "replicas/100", "ms", Ms),
            row("… of 1 000", "replicas/1000", "ms", Ms),
            row("… of 10 000", "replicas/10000", "ms", Ms),
        ],
    ),
];

/// What one library came to in one row, in the best of its ways.
struct Cell {
    least: f64,
    median: f64,
    way: &'static str,
}

/// All rows of which there is a figure, in Markdown.
///
/// Times are the clock's, or the processor's, which leave out waiting but not what others do to the caches.
pub(crate) fn table(outcomes: &[Outcome], cpu: bool) -> String {
    let mut text = String::new();
    for (section, rows) in SECTIONS {
        let known = |row: &&Row| outcomes.iter().any(|outcome| outcome.case == row.case && !outcome.runs.is_empty());
        let rows: Vec<_> = rows.iter().filter(known).map(|row| line(row, outcomes, cpu)).collect();
        if !rows.is_empty() {
            text += &format!("\n{section}\n\n{}", aligned(&rows));
        }
    }
    text
}

fn line(row: &Row, outcomes: &[Outcome], cpu: bool) -> Vec<String> {
    let cells = libs::NAMES.map(|library| (library, cell(row, library, outcomes, cpu)));
    let mut line = vec![row.title.to_owned()];
    line.extend(cells.iter().map(|(library, cell)| match cell {
        Ok(cell) => shown(cell, row.unit),
        Err(Some(Failure::TookTooLong)) => "too long".to_owned(),
        Err(Some(Failure::WentWrong)) => "FAILED".to_owned(),
        Err(None) if *library == libs::OURS => "not yet".to_owned(),
        Err(None) => "–".to_owned(),
    }));
    let (ours, peers): (Vec<_>, Vec<_>) = cells
        .iter()
        .filter_map(|(library, cell)| Some((*library, cell.as_ref().ok()?)))
        .partition(|(library, _)| *library == libs::OURS);
    let best = |full: bool| {
        let taking_part = peers.iter().filter(|(library, _)| !full || libs::carries_content(library));
        taking_part.min_by(|(_, one), (_, other)| one.least.total_cmp(&other.least))
    };
    let versus = |(library, cell): &(&str, &Cell)| match ours.first() {
        Some((_, ours)) => format!("{} × {library}", digits(ours.least / cell.least)),
        None => (*library).to_owned(),
    };
    let mut bests: Vec<_> = best(false).into_iter().chain(best(true)).map(versus).collect();
    bests.dedup();
    line.push(bests.join(", "));
    let ways = cells.iter().filter_map(|(library, cell)| Some((library, cell.as_ref().ok()?.way)));
    let mut ways: Vec<_> =
        ways.filter(|(_, way)| !way.is_empty()).map(|(library, way)| format!("{library}: {way}")).collect();
    // A way without figures may have been the better one: what is shown is then no more than what is known.
    let missing = outcomes.iter().filter(|outcome| outcome.case == row.case && outcome.runs.is_empty());
    ways.extend(
        missing
            .filter(|outcome| !outcome.way.is_empty())
            .map(|outcome| format!("NOT {}: {}", outcome.library, outcome.way)),
    );
    line.push(ways.join("; "));
    line
}

fn cell(row: &Row, library: &str, outcomes: &[Outcome], cpu: bool) -> Result<Cell, Option<Failure>> {
    let these = || outcomes.iter().filter(|outcome| outcome.library == library && outcome.case == row.case);
    let timed = matches!(row.unit, Unit::Ms | Unit::Us);
    let figure = if timed && cpu { format!("cpu {}", row.figure) } else { row.figure.to_owned() };
    let cells = these().filter_map(|outcome| {
        let mut figures: Vec<_> = outcome.runs.iter().filter_map(|run| run.get(&figure).copied()).collect();
        figures.sort_by(f64::total_cmp);
        Some(Cell { least: *figures.first()?, median: figures[figures.len() / 2], way: outcome.way })
    });
    let best = cells.min_by(|one, other| one.least.total_cmp(&other.least));
    best.ok_or_else(|| these().find_map(|outcome| outcome.failure))
}

fn shown(cell: &Cell, unit: Unit) -> String {
    match unit {
        Unit::Ms => format!("{} ({})", digits(cell.least), digits(cell.median)),
        Unit::Us => format!("{} ({})", digits(cell.least * 1e3), digits(cell.median * 1e3)),
        Unit::Bytes => grouped(cell.least),
        Unit::MeanBytes => format!("{:.1}", cell.least),
        Unit::Heap => digits(cell.least / 1e6),
    }
}

/// Three digits that matter.
fn digits(figure: f64) -> String {
    let decimals = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    if figure >= 10_000.0 { grouped(figure) } else { format!("{figure:.decimals$}") }
}

/// A whole number with its thousands set apart.
fn grouped(figure: f64) -> String {
    let plain = format!("{figure:.0}");
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// A Markdown table whose columns are aligned.
fn aligned(rows: &[Vec<String>]) -> String {
    let mut head = vec!["what".to_owned()];
    head.extend(libs::NAMES.map(str::to_owned));
    head.extend(["ours to the best".to_owned(), "best ways".to_owned()]);
    let width =
        |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}|{rule}\n{body}", line(&head))
}
