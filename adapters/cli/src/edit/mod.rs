//! `edit`: a plain editor for the terminal, on a shared text.

mod page;
mod pen;
mod screen;

use std::{io::IsTerminal, thread};

use crdt_socket_sync::{Level, Status};
use crdt_socket_sync_websocket::{Client, DocError, DocEvent, Runtime};
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use self::screen::{Screen, View};
pub(crate) use self::{
    page::Page,
    pen::{Pen, Stroke},
};
use crate::{
    Outcome,
    connect::{self, TextArgs},
    failure::Failure,
    runtime::{Job, done},
};

/// Edit a text together with whoever else has it open
///
///     crdt-socket-sync edit ws://127.0.0.1:7070 page
///
/// Arrows, home, end, page up and page down move the caret; ctrl-s tells when all is stored; ctrl-q quits. Everything that is
/// typed is sent at once, or as soon as there is a connection again.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    text: TextArgs,
}

struct Edit(Args);

pub(crate) fn run(args: Args) -> Outcome {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::new("the editor needs a terminal", "use `cat` to read the text, or `watch` to follow it"));
    }
    args.text.runtime.run(Edit(args))
}

impl Job for Edit {
    async fn run<R: Runtime + Default>(self) -> Outcome {
        let Self(Args { text: TextArgs { url, doc: name, text, record, .. } }) = self;
        let client: Client<R> = record.connect(&url)?;
        connect::first_attempt(&client, &url).await?;
        let doc = connect::open(&client, &name).await?;
        let mut statuses = client.statuses();
        let mut editor = Editor::new(Pen::new(doc, text)?);
        let mut screen = Screen::open()?;
        let mut keys = keys();
        while !editor.over {
            screen.draw(&editor.pen.page, &editor.view()).map_err(|error| terminal(&error))?;
            tokio::select! {
                more = editor.pen.follow() => if !more? { break },
                Some(status) = statuses.next() => editor.status = status,
                key = keys.recv() => match key {
                    Some(Ok(key)) => editor.on_input(key, screen.page_lines())?,
                    Some(Err(error)) => return Err(terminal(&error)),
                    None => break,
                },
            }
            editor.pen.catch_up()?;
            while let Some(event) = editor.pen.other() {
                editor.on_event(event);
            }
        }
        drop(screen);
        client.close().await;
        done()
    }
}

fn terminal(error: &std::io::Error) -> Failure {
    Failure::new(format!("the terminal cannot be used: {error}"), "try another one")
}

/// What is typed; reading a terminal blocks, so a thread of its own does that.
fn keys() -> mpsc::UnboundedReceiver<std::io::Result<Event>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        loop {
            let event = ratatui::crossterm::event::read();
            let last = event.is_err();
            if sender.send(event).is_err() || last {
                break;
            }
        }
    });
    receiver
}

struct Editor {
    pen: Pen,
    status: Status,
    /// Something to be said until the next key.
    message: String,
    /// The next ctrl-q quits though not everything is stored.
    sure: bool,
    /// Someone waits to be told that everything is stored.
    awaiting: bool,
    over: bool,
}

impl Editor {
    fn new(pen: Pen) -> Self {
        Self { pen, status: Status::Connected, message: String::new(), sure: false, awaiting: false, over: false }
    }

    fn unstored(&self) -> u64 {
        self.pen.doc.pending(Level::Stored)
    }

    fn view(&self) -> View<'_> {
        View { doc: self.pen.doc.name(), status: &self.status, unstored: self.unstored(), message: &self.message }
    }

    /// Tells what has happened to the document apart from edits.
    fn on_event(&mut self, event: DocEvent) {
        match event {
            DocEvent::Synced { level: Level::Stored } if self.awaiting => {
                self.awaiting = false;
                self.message = "everything is stored".into();
            }
            DocEvent::Refused { reason } => self.message = format!("the server refuses the document: {reason}"),
            DocEvent::EpochMismatch { .. } => {
                self.message = "the server's document is another one now; copy what you need and quit".into();
            }
            DocEvent::Diverged { fault } => self.message = format!("no longer in step: {fault}"),
            DocEvent::RecordFailed { error } => self.message = format!("not recorded any more: {error}"),
            _ => {}
        }
    }

    fn on_input(&mut self, event: Event, page_lines: usize) -> Result<(), Failure> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.on_key(key, page_lines),
            Event::Paste(text) => self.make(&Stroke::Insert(&text.replace("\r\n", "\n").replace('\r', "\n"))),
            _ => Ok(()),
        }
    }

    fn on_key(&mut self, key: KeyEvent, page_lines: usize) -> Result<(), Failure> {
        self.message.clear();
        let sure = std::mem::take(&mut self.sure);
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('q' | 'c') => self.quit(sure),
                KeyCode::Char('s') if self.unstored() == 0 => {
                    self.message = "everything is stored".into();
                }
                KeyCode::Char('s') => {
                    self.awaiting = true;
                    self.message = "waiting until everything is stored".into();
                }
                _ => {}
            }
            return Ok(());
        }
        match key.code {
            KeyCode::Left => self.pen.page.left(),
            KeyCode::Right => self.pen.page.right(),
            KeyCode::Up => self.pen.page.up(1),
            KeyCode::Down => self.pen.page.down(1),
            KeyCode::PageUp => self.pen.page.up(page_lines),
            KeyCode::PageDown => self.pen.page.down(page_lines),
            KeyCode::Home => self.pen.page.home(),
            KeyCode::End => self.pen.page.end(),
            KeyCode::Char(c) => return self.make(&Stroke::Insert(c.encode_utf8(&mut [0; 4]))),
            KeyCode::Enter => return self.make(&Stroke::Insert("\n")),
            KeyCode::Tab => return self.make(&Stroke::Insert("\t")),
            KeyCode::Backspace => return self.make(&Stroke::Backspace),
            KeyCode::Delete => return self.make(&Stroke::Delete),
            _ => {}
        }
        Ok(())
    }

    fn quit(&mut self, sure: bool) {
        let unstored = self.unstored();
        if unstored == 0 || sure {
            self.over = true;
        } else {
            self.sure = true;
            self.message = "not all is stored: ctrl-q loses the rest, ctrl-s tells when it is".into();
        }
    }

    fn make(&mut self, stroke: &Stroke<'_>) -> Result<(), Failure> {
        match self.pen.make(stroke) {
            // Too large to be pasted at once, for example.
            Err(DocError::Edit(error)) => {
                self.message = error.to_string();
                Ok(())
            }
            made => made.map_err(connect::not_edited),
        }
    }
}
