//! The terminal: a window on the page, and a line about how things are.

use std::io;

use crdt_socket_sync::Status;
use ratatui::{
    DefaultTerminal, Frame,
    crossterm::{
        event::{DisableBracketedPaste, EnableBracketedPaste},
        execute,
    },
    layout::{Position, Rect},
    style::{Color, Style, Stylize},
    text::{Line, Span},
};

use super::Page;
use crate::failure::Failure;

/// What the status line tells.
pub(super) struct View<'a> {
    pub(super) doc: &'a str,
    pub(super) status: &'a Status,
    /// How many operations the server has not stored yet.
    pub(super) unstored: u64,
    pub(super) message: &'a str,
}

/// The terminal while the editor has it. It is given back as it was, also when the program panics.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    top: usize,
    left: usize,
    height: usize,
}

impl Screen {
    pub(super) fn open() -> Result<Self, Failure> {
        let terminal = ratatui::try_init().map_err(|error| super::terminal(&error))?;
        let screen = Self { terminal, top: 0, left: 0, height: 1 };
        // Without it, pasted text is only typed slowly.
        let _ = execute!(io::stdout(), EnableBracketedPaste);
        Ok(screen)
    }

    /// How far page up and page down go.
    pub(super) fn page_lines(&self) -> usize {
        self.height.saturating_sub(1).max(1)
    }

    pub(super) fn draw(&mut self, page: &Page, view: &View<'_>) -> io::Result<()> {
        let Self { terminal, top, left, height } = self;
        terminal.draw(|frame| {
            let area = frame.area();
            *height = usize::from(area.height.saturating_sub(1)).max(1);
            let columns = usize::from(area.width).max(1);
            let (row, column) = page.place();
            *top = (*top).min(row).max((row + 1).saturating_sub(*height));
            // The last column is for a caret behind the end of a line.
            *left = (*left).min(column).max((column + 1).saturating_sub(columns));
            for (index, line) in page.window(*top, *height, *left, columns).into_iter().enumerate() {
                frame.render_widget(Line::raw(line), row_of(area, index));
            }
            status_line(frame, row_of(area, usize::from(area.height.saturating_sub(1))), page, view);
            let cursor = |at: usize, from: usize| u16::try_from(at - from).unwrap_or(u16::MAX);
            frame.set_cursor_position(Position::new(cursor(column, *left), cursor(row, *top)));
        })?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        ratatui::restore();
    }
}

fn row_of(area: Rect, index: usize) -> Rect {
    let y = area.y + u16::try_from(index).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
    Rect { y, height: 1.min(area.height), ..area }
}

fn status_line(frame: &mut Frame<'_>, area: Rect, page: &Page, view: &View<'_>) {
    let bar = Style::new().bg(Color::DarkGray).fg(Color::White);
    let (dot, color, link) = match view.status {
        Status::Connected => ("●", Color::Green, "connected".to_owned()),
        Status::Connecting => ("○", Color::Yellow, "connecting".to_owned()),
        Status::Reconnecting { failures, .. } => ("○", Color::Yellow, format!("offline, attempt {}", failures + 1)),
        Status::Disconnected => ("○", Color::Red, "disconnected".to_owned()),
        Status::Refused(reason) => ("✗", Color::Red, format!("refused: {reason}")),
    };
    let stored = match view.unstored {
        0 => Span::raw("stored ✓"),
        count => Span::raw(format!("{count} not stored yet")).fg(Color::Yellow),
    };
    let (row, column) = page.place();
    let mut spans = vec![Span::raw(format!(" {} ", view.doc)).bold(), Span::raw("│ "), Span::raw(dot).fg(color)];
    if view.message.is_empty() {
        spans.extend([
            Span::raw(format!(" {link} │ ")),
            stored,
            Span::raw(format!(" │ {}:{} │ {} chars │ ", row + 1, column + 1, page.chars().len())),
            Span::raw("ctrl-s stored? ctrl-q quit").fg(Color::Gray),
        ]);
    } else {
        // What is to be said now comes before what can always be seen.
        spans.extend([Span::raw(" "), Span::raw(view.message).fg(Color::Yellow)]);
    }
    frame.render_widget(Line::from(spans).style(bar), area);
}
