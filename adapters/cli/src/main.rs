//! The command line of `crdt-socket-sync`: serves, reads, watches, edits and replays shared documents.
#![forbid(unsafe_code)]

mod cat;
mod connect;
mod demo;
mod edit;
mod failure;
mod hash;
mod output;
mod record;
mod replay;
mod runtime;
mod serve;
mod stop;
mod trace;
mod watch;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Keeps shared documents in step between many clients and a server, with no conflicts and no lost edits.
///
/// See it work, with nothing to set up:
///
///     crdt-socket-sync demo
///
/// A server, and two people on one page:
///
///     crdt-socket-sync serve
///     crdt-socket-sync edit ws://127.0.0.1:7070 page      (in two other terminals)
#[derive(Debug, Parser)]
#[command(name = "crdt-socket-sync", version, verbatim_doc_comment, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print results as JSON, for programs to read
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Edit(edit::Args),
    Cat(cat::Args),
    Watch(watch::Args),
    Replay(replay::Args),
    CheckRecord(record::Args),
}

fn main() -> ExitCode {
    let Cli { command, json } = Cli::parse();
    let outcome = match command {
        Command::Demo(args) => demo::run(args, json),
        Command::Serve(args) => serve::run(args, json),
        Command::Edit(args) => edit::run(args),
        Command::Cat(args) => cat::run(args, json),
        Command::Watch(args) => watch::run(args, json),
        Command::Replay(args) => replay::run(args, json),
        Command::CheckRecord(args) => record::run(args, json),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) if failure.is_enough() => ExitCode::SUCCESS,
        Err(failure) => {
            // If even that cannot be said, the exit code still says it.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What a command comes to: an exit code, or one line that says why not.
type Outcome = Result<ExitCode, Failure>;
