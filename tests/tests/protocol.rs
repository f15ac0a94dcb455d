//! `docs/protocol.md` says what the code does: its tables are compared with it.

use crdt_socket_sync::{Limits, error::Code, wire::Direction};
use crdt_socket_sync_tests::hostile::examples;

const PAGE: &str = include_str!("../../docs/protocol.md");

/// The rows of the table under a heading, cell by cell.
fn table(heading: &str) -> Vec<Vec<String>> {
    let (_, section) = PAGE.split_once(heading).expect("the heading is there");
    let section = section.split("\n## ").next().expect("a section");
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn the_table_of_messages_is_that_of_the_code() {
    let mut code: Vec<_> = examples()
        .iter()
        .map(|message| {
            let (name, number, direction) = message.kind();
            let sender = match direction {
                Direction::ToServer => "client",
                Direction::ToClient => "server",
                Direction::Both => "both",
            };
            (number, name.to_owned(), sender.to_owned())
        })
        .collect();
    code.sort();
    code.dedup();
    let page: Vec<_> = table("\n## Messages\n")
        .into_iter()
        .map(|row| (row[0].parse().expect("a number"), row[1].clone(), row[2].clone()))
        .collect();
    assert_eq!(page, code);
}

#[test]
fn the_table_of_codes_is_that_of_the_code() {
    let code: Vec<_> = Code::ALL
        .iter()
        .map(|code| vec![code.number().to_string(), format!("{code:?}"), format!("{:?}", code.retry())])
        .collect();
    assert_eq!(table("\n## Codes\n"), code);
}

#[test]
fn the_table_of_bounds_is_that_of_the_defaults() {
    let limits = Limits::default();
    let kibibytes = |bytes: usize| format!("{} KiB", bytes / 1_024);
    let code = [
        ("a document's name", format!("1 to {} bytes", limits.name_bytes)),
        ("documents joined on one link", limits.joins_per_link.to_string()),
        ("writers of a document", format!("{} 000", limits.replicas / 1_000)),
        ("a change, encoded", kibibytes(limits.change_bytes)),
        ("a change's clock ahead of the server's", format!("{} s", limits.clock_ahead.as_secs())),
        ("a frame before `welcome`", kibibytes(limits.greeting_bytes)),
        ("the time until `welcome`", format!("{} s", limits.greeting_time.as_secs())),
        ("a frame after `welcome`", format!("{} MiB", limits.frame_bytes >> 20)),
    ];
    let page: Vec<_> = table("\n## Bounds\n").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(page, code.map(|(what, bound)| (what.to_owned(), bound)));
    assert!(PAGE.contains(&format!("The ping interval is {} s by default.", limits.ping_interval.as_secs())));
}
