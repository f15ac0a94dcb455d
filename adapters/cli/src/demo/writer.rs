//! One writer: a client, and hands that type.

use std::time::Duration;

use crdt_socket_sync::{ReplicaId, Status};
use crdt_socket_sync_tokio::Client;
use crdt_socket_sync_websocket::Doc;

use super::{
    TEXT,
    story::{LAST_LINE, Part, TITLE},
};
use crate::{
    connect,
    edit::{Pen, Stroke},
    failure::Failure,
};

/// How long a keystroke takes, on average.
const PACE: Duration = Duration::from_millis(28);

pub(super) struct Writer {
    pub(super) part: &'static Part,
    pub(super) client: Client,
    pub(super) doc: Doc,
    pub(super) replica: ReplicaId,
    pen: Pen,
    /// People do not type like clockwork.
    rhythm: u32,
}

impl Writer {
    pub(super) fn new(part: &'static Part, url: &str, name: &str) -> Result<Self, Failure> {
        let client = Client::connect(url);
        let doc = client.open(name).map_err(connect::misuse)?;
        let replica = doc.read(|document| document.replica_id()).map_err(connect::misuse)?;
        let pen = Pen::new(doc.clone(), TEXT.to_owned())?;
        Ok(Self { part, client, doc, replica, pen, rhythm: u32::from(part.color) })
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.status() == Status::Connected
    }

    fn make(&mut self, stroke: &Stroke<'_>) -> Result<(), Failure> {
        self.pen.make(stroke).map_err(connect::not_edited)
    }

    async fn pause(&mut self) {
        self.rhythm = self.rhythm.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        tokio::time::sleep(PACE / 2 + PACE * (self.rhythm >> 24) / 256).await;
    }

    async fn type_in(&mut self, text: &str) -> Result<(), Failure> {
        for c in text.chars() {
            self.make(&Stroke::Insert(c.encode_utf8(&mut [0; 4])))?;
            self.pause().await;
        }
        Ok(())
    }

    /// Writes the first and the last line of the page.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        self.make(&Stroke::Insert(LAST_LINE))?;
        self.pen.page.go_to(0);
        self.type_in(TITLE).await
    }

    /// Writes a paragraph under the title, where everyone else writes theirs at the same time.
    pub(super) async fn write(&mut self) -> Result<(), Failure> {
        let wanted = |text: String| text.starts_with(TITLE);
        let seen = self.doc.until(move |document| wanted(document.text(TEXT).to_string()));
        seen.await.map_err(|error| connect::not_synced(self.doc.name(), &error))?;
        self.pen.catch_up()?;
        self.pen.page.go_to(TITLE.chars().count());
        self.type_in(self.part.paragraph).await
    }

    /// Puts someone else's word right, and signs on the last line.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let (wrong, right) = self.part.correction;
        self.pen.catch_up()?;
        let text: String = self.pen.page.chars().iter().collect();
        if let Some(at) = text.find(wrong) {
            let same = wrong.chars().zip(right.chars()).take_while(|(a, b)| a == b).count();
            self.pen.page.go_to(text[..at].chars().count() + wrong.chars().count());
            for _ in 0..wrong.chars().count() - same {
                self.make(&Stroke::Backspace)?;
                self.pause().await;
            }
            let rest: String = right.chars().skip(same).collect();
            self.type_in(&rest).await?;
        }
        tokio::time::sleep(10 * PACE).await;
        self.pen.page.go_to(usize::MAX);
        // A stamp, not a pen.
        self.make(&Stroke::Insert(self.part.signature))
    }
}
