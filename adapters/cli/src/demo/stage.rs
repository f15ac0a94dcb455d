//! What the audience sees: a live panel on a terminal, lines elsewhere.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{IsTerminal, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crdt_socket_sync::{
    Level, ReplicaId,
    document::{ContainerEdit, DocumentEvent},
};
use crdt_socket_sync_websocket::{Doc, DocEvent, DocEvents};
use futures_util::FutureExt;
use ratatui::crossterm::terminal;
use unicode_width::UnicodeWidthChar;

use super::{TEXT, story::PARTS, writer::Writer};
use crate::{connect, failure::Failure, hash::text_hash, output};

/// How often the panel is drawn, and how often a line is printed instead.
const FRAME: Duration = Duration::from_millis(60);
const LINE: Duration = Duration::from_millis(1_000);

/// How many lines of what has happened the panel shows.
const NEWS: usize = 5;
/// Lines of the panel apart from the page.
const AROUND: usize = 9 + NEWS;
const WIDTH_MOST: usize = 100;

/// The page as one writer sees it, each character with who wrote it.
struct Painted {
    events: DocEvents,
    chars: Vec<(char, u8)>,
    writers: Vec<(ReplicaId, u8)>,
}

/// What can be seen of a writer.
struct Look {
    name: &'static str,
    color: u8,
    doc: Doc,
    connected: bool,
}

pub(super) struct Stage {
    start: Instant,
    live: bool,
    /// Lines go where results do not.
    quiet: bool,
    state: Mutex<State>,
}

struct State {
    server: String,
    news: VecDeque<String>,
    looks: Vec<Look>,
    painted: Option<Painted>,
    /// How many lines the panel has now.
    drawn: usize,
    last_line: Duration,
}

impl Stage {
    pub(super) fn new(json: bool) -> Self {
        let high = terminal::size().is_ok_and(|(_, rows)| usize::from(rows) > AROUND + 5);
        let state = State {
            server: String::new(),
            news: VecDeque::new(),
            looks: Vec::new(),
            painted: None,
            drawn: 0,
            last_line: Duration::ZERO,
        };
        Self {
            start: Instant::now(),
            live: !json && high && std::io::stdout().is_terminal(),
            quiet: json,
            state: Mutex::new(state),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until some time after the beginning.
    pub(super) async fn at(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds).saturating_sub(self.elapsed())).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows these writers from now on, and the page as the first of them sees it.
    pub(super) fn show(&self, writers: &[Writer]) -> Result<(), Failure> {
        let mut state = self.state();
        let look = |writer: &Writer| Look {
            name: writer.part.name,
            color: writer.part.color,
            doc: writer.doc.clone(),
            connected: writer.is_connected(),
        };
        state.looks = writers.iter().map(look).collect();
        let mut events = writers[0].doc.events();
        events.reread(|_| ()).map_err(connect::misuse)?;
        let writers = writers.iter().map(|writer| (writer.replica, writer.part.color)).collect();
        state.painted = Some(Painted { events, chars: Vec::new(), writers });
        Ok(())
    }

    /// Tells what is happening.
    pub(super) fn tell(&self, news: &str) -> Result<(), Failure> {
        let line = format!("{:>5.1} s  {news}", self.elapsed().as_secs_f64());
        self.print(&line)?;
        let mut state = self.state();
        state.news.push_back(line);
        if state.news.len() > NEWS {
            state.news.pop_front();
        }
        Ok(())
    }

    pub(super) fn server(&self, line: String) {
        self.state().server = line;
    }

    fn print(&self, line: &str) -> Result<(), Failure> {
        if self.quiet {
            output::say(line);
            Ok(())
        } else if self.live {
            Ok(())
        } else {
            output::line(line)
        }
    }

    /// Shows how things are, over and over.
    pub(super) async fn run(&self, connected: impl Fn(usize) -> bool) -> Result<(), Failure> {
        loop {
            self.refresh(&connected)?;
            tokio::time::sleep(FRAME).await;
        }
    }

    /// Shows how things are.
    pub(super) fn refresh(&self, connected: impl Fn(usize) -> bool) -> Result<(), Failure> {
        let mut state = self.state();
        for (index, look) in state.looks.iter_mut().enumerate() {
            look.connected = connected(index);
        }
        if self.live {
            self.draw(&mut state)
        } else if self.elapsed() - state.last_line >= LINE && !state.looks.is_empty() {
            state.last_line = self.elapsed();
            let line = self.overview(&state);
            drop(state);
            self.print(&line)
        } else {
            Ok(())
        }
    }

    /// All writers in one line.
    fn overview(&self, state: &State) -> String {
        let mut line = format!("{:>5.1} s ", self.elapsed().as_secs_f64());
        for look in &state.looks {
            let chars = look.doc.read(|document| document.text(TEXT).len()).unwrap_or(0);
            let dot = if look.connected { '●' } else { '○' };
            let _ = write!(line, " {dot} {} {chars:>3} chars ", look.name);
        }
        line
    }

    fn draw(&self, state: &mut State) -> Result<(), Failure> {
        let (columns, rows) = terminal::size().map_err(Failure::bug)?;
        let columns = usize::from(columns).saturating_sub(1);
        let width = columns.min(WIDTH_MOST);
        let page_lines = usize::from(rows).saturating_sub(AROUND + 1).clamp(3, 11);
        let mut lines = vec![
            format!(
                "\x1b[1mcrdt-socket-sync\x1b[0m  four writers, one page, real WebSockets  \x1b[2m{:>5.1} s\x1b[0m",
                self.elapsed().as_secs_f64()
            ),
            String::new(),
            format!("  server  {}", state.server),
        ];
        lines.extend(state.looks.iter().map(Look::line));
        lines.push(rule(width, state.looks.first().map_or("", |look| look.name)));
        if let Some(painted) = &mut state.painted {
            painted.catch_up();
            lines.extend(painted.lines(width.saturating_sub(2), page_lines));
        }
        lines.push(format!("\x1b[2m{}\x1b[0m", "─".repeat(width)));
        lines.extend(state.news.iter().map(|news| clip(news, columns)));
        lines.resize(lines.len() + NEWS.saturating_sub(state.news.len()), String::new());

        let mut frame = String::from("\x1b[?25l");
        if state.drawn > 0 {
            let _ = write!(frame, "\x1b[{}A\r", state.drawn);
        }
        for line in &lines {
            let _ = write!(frame, "\x1b[2K{line}\r\n");
        }
        // What the panel was higher before.
        frame.push_str("\x1b[J");
        state.drawn = lines.len();
        output::text(&frame)
    }

    /// Leaves the terminal as it was, with the last panel on it.
    pub(super) fn close(&self) {
        if self.live {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(b"\x1b[?25h").and_then(|()| out.flush());
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.close();
    }
}

impl Look {
    fn line(&self) -> String {
        let text = self.doc.read(|document| document.text(TEXT).to_string()).unwrap_or_default();
        let unstored = self.doc.pending(Level::Stored);
        let (dot, state) =
            if self.connected { ("\x1b[32m●\x1b[0m", "connected") } else { ("\x1b[31m○\x1b[0m", "offline  ") };
        let stored = match unstored {
            0 => "\x1b[2mall stored\x1b[0m".to_owned(),
            count => format!("\x1b[33m{count} to be stored\x1b[0m"),
        };
        format!(
            "  \x1b[{}m{}\x1b[0m     {dot} {state}  {:>4} chars  \x1b[2m{}\x1b[0m  {stored}",
            self.color,
            self.name,
            text.chars().count(),
            text_hash(&text)
        )
    }
}

impl Painted {
    fn catch_up(&mut self) {
        while let Some(Some(event)) = self.events.next().now_or_never() {
            let DocEvent::Document(DocumentEvent::Changed { change, edits, .. }) = event else { continue };
            let color = self.writers.iter().find(|(replica, _)| *replica == change.replica).map_or(0, |known| known.1);
            for edit in edits {
                let ContainerEdit::Text { edits, .. } = edit else { continue };
                for edit in edits {
                    let at = edit.at.min(self.chars.len());
                    let end = (at + edit.removed).min(self.chars.len());
                    self.chars.splice(at..end, edit.inserted.chars().map(|c| (c, color)));
                }
            }
        }
    }

    /// The last lines of the page, wrapped between words and painted; always `count`.
    fn lines(&self, width: usize, count: usize) -> Vec<String> {
        let mut lines = wrapped(&self.chars, width.max(10));
        let hidden = lines.len().saturating_sub(count);
        lines.drain(..hidden);
        let mut painted: Vec<_> = lines.into_iter().map(paint).collect();
        painted.resize(count, String::new());
        painted
    }
}

fn wrapped(chars: &[(char, u8)], width: usize) -> Vec<&[(char, u8)]> {
    let mut lines = Vec::new();
    for mut line in chars.split(|(c, _)| *c == '\n') {
        loop {
            let mut columns = 0;
            let fits = line.iter().take_while(|(c, _)| {
                columns += c.width().unwrap_or(0);
                columns <= width
            });
            let fits = fits.count();
            if fits == line.len() {
                lines.push(line);
                break;
            }
            let space = line[..=fits].iter().rposition(|(c, _)| *c == ' ').filter(|at| *at > 0);
            let (head, rest) = match space {
                Some(at) => (&line[..at], &line[at + 1..]),
                None => line.split_at(fits.max(1)),
            };
            lines.push(head);
            line = rest;
        }
    }
    lines
}

fn paint(line: &[(char, u8)]) -> String {
    let mut painted = String::from("  ");
    let mut current = None;
    for (c, color) in line {
        if current != Some(color) {
            let _ = write!(painted, "\x1b[{color}m");
            current = Some(color);
        }
        painted.push(*c);
    }
    painted.push_str("\x1b[0m");
    painted
}

fn rule(width: usize, name: &str) -> String {
    let title = format!("── the page as {name} sees it ");
    format!("\x1b[2m{title}{}\x1b[0m", "─".repeat(width.saturating_sub(title.chars().count())))
}

fn clip(line: &str, columns: usize) -> String {
    line.chars().take(columns).collect()
}

/// The names of all writers, for sentences.
pub(super) fn names() -> String {
    let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
    names.join(", ")
}
