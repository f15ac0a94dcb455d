//! `README.md` says which tests there are for which accepted behaviours: it is compared with what the tests say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const PAGE: &str = include_str!("../README.md");
/// How many lines the list of accepted behaviours has.
const LINES: u32 = 139;

type Tests = BTreeMap<u32, BTreeSet<String>>;

/// The numbers at the beginning of a text: `4 and 127`, `25, 26.`
fn numbers(text: &str) -> Vec<u32> {
    let list = text.split(|c: char| !c.is_ascii_digit() && !", and".contains(c)).next().unwrap_or_default();
    list.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// Adds what the tests of a file, or of all files below a folder, say that they are for.
fn collect(path: &Path, found: &mut Tests) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            collect(&entry.expect("an entry").path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a source file");
        let mut meant = Vec::new();
        for line in text.lines().map(str::trim_start) {
            if let Some(comment) = line.strip_prefix("///") {
                let comment = comment.to_lowercase();
                let after = comment.split("acceptance line").nth(1).map(|after| after.trim_start_matches(['s', ' ']));
                meant.extend(after.map(numbers).unwrap_or_default());
            } else if let Some(name) = line.trim_start_matches("pub(crate) async ").strip_prefix("fn ") {
                let name = name.split(['(', '<']).next().unwrap_or_default();
                for number in meant.drain(..) {
                    found.entry(number).or_default().insert(name.to_owned());
                }
            }
        }
    }
}

fn rows(heading: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let section = PAGE.split_once(heading).expect("the heading is there").1;
    let table = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|row| row.trim_matches(['|', ' ']).split_once(" | ").expect("two cells"))
}

#[test]
fn the_table_of_accepted_behaviours_is_what_the_tests_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut code = Tests::new();
    for folder in ["engine/src", "tests/tests", "adapters", "examples"] {
        collect(&root.join(folder), &mut code);
    }
    let names = |cell: &str| cell.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
    let page: Tests = rows("## Accepted behaviours")
        .map(|(line, tests)| (line.parse().expect("a line's number"), names(tests)))
        .collect();
    for (line, tests) in &code {
        assert_eq!(page.get(line), Some(tests), "line {line}: the tests that name it, and the table");
    }
    assert_eq!(page.keys().collect::<Vec<_>>(), code.keys().collect::<Vec<_>>());
}

#[test]
fn every_accepted_behaviour_has_its_tests_or_a_reason_why_not() {
    let tested = rows("## Accepted behaviours").map(|(line, _)| line.parse().expect("a line's number"));
    let others = rows("The other lines").flat_map(|(_, lines)| numbers(lines));
    let mut all: Vec<u32> = tested.chain(others).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=LINES).collect::<Vec<_>>());
}

#[test]
fn what_is_said_of_a_part_of_a_line_is_said_of_one_that_has_tests() {
    let tested: BTreeSet<_> = rows("## Accepted behaviours").map(|(line, _)| line.parse().expect("a number")).collect();
    let parts: BTreeSet<_> = rows("Of some of these lines").flat_map(|(_, lines)| numbers(lines)).collect();
    assert!(!parts.is_empty() && parts.is_subset(&tested), "{parts:?}");
}

#[test]
fn every_file_of_tests_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let here: BTreeSet<_> = files.map(|name| format!("`{}`", name.to_string_lossy())).collect();
    let page: BTreeSet<_> = rows("# The tests").map(|(file, _)| file.to_owned()).collect();
    assert_eq!(page, here);
}
