//! Every situation that is counted, in the order of the rooms of this crate.

use super::named;

named! {
    /// Somewhere the engine can come to, and the suites have to bring it.
    Situation {
        // Logs.
        /// A change arrived that was here already.
        DuplicateRecognised = "duplicate-recognised",
        /// A change arrived that has the number of another one.
        ContradictionRefused = "contradiction-refused",
        /// A change arrived before something that it depends on.
        ChangeWaits = "change-waits",
        /// A change was refused because too much was waiting.
        WaitingBoundReached = "waiting-bound-reached",
        /// A change that had waited was appended.
        WaitingChangeReleased = "waiting-change-released",
        /// A change that had waited for one thing went on to wait for another.
        ReleasedChangeWaitsOn = "released-change-waits-on",
        /// A change that had waited turned out to be no part of any history.
        ReleasedChangeRefused = "released-change-refused",
        /// A change was refused for a clock that is not after that of what it depends on.
        ClockBehindRefused = "clock-behind-refused",
        /// A change was made while the wall clock was not after the last change: the clock counted on.
        WallClockBehind = "wall-clock-behind",
        // Documents.
        /// A write met another writer's of the same clock.
        WritesTied = "writes-tied",
        /// A write arrived after a greater one.
        LateWriteLost = "late-write-lost",
        /// An insertion met another one between the same two characters.
        ConcurrentSiblings = "concurrent-siblings",
        /// An insertion met another one behind the same character, with a nearer right neighbour.
        ConcurrentRunWithNearerEnd = "concurrent-run-with-nearer-end",
        /// An insertion arrived whose left neighbour is deleted.
        InsertionAfterTombstone = "insertion-after-tombstone",
        /// An insertion went into the middle of a run.
        InsertionSplitRun = "insertion-split-run",
        /// A deletion took the middle out of a run.
        DeletionSplitRun = "deletion-split-run",
        /// A deletion arrived for characters that do not stand together any more.
        DeletionOfSplitRun = "deletion-of-split-run",
        /// A deletion arrived for characters that are deleted.
        DeletedAlready = "deleted-already",
        /// A change was a no-op because its body is not in the form of one.
        BodyMalformed = "body-malformed",
        /// A change was a no-op because it refers to what its maker had not seen.
        BodyUnseen = "body-unseen",
        /// A change was a no-op because it refers to what is no character of that text.
        BodyMissing = "body-missing",
        /// A change was a no-op because it inserts between characters that were never neighbours.
        BodyMisplaced = "body-misplaced",
        /// Two made the same container at once.
        ChildMadeByTwo = "child-made-by-two",
        /// An addition met another one of the same element or key that its maker had not seen.
        TagsConcurrent = "tags-concurrent",
        /// An addition or a removal named an addition that was removed already.
        TagGoneAlready = "tag-gone-already",
        /// A move arrived after a greater one of the same element.
        LateMoveLost = "late-move-lost",
        /// A move arrived for an element that is deleted.
        DeletedElementMoved = "deleted-element-moved",
        /// A transaction was undone.
        TransactionRolledBack = "transaction-rolled-back",
        // Frames and links.
        /// A batch ended because it was full.
        BatchFull = "batch-full",
        /// A link was closed for a frame that is not one.
        FrameMalformed = "frame-malformed",
        /// A link was closed for a frame that is too large.
        FrameOverLimit = "frame-over-limit",
        /// A link was closed for a frame that may not be sent then.
        FrameUnexpected = "frame-unexpected",
        /// A link was closed because the two sides speak no common version.
        VersionsDiffer = "versions-differ",
        /// A link was closed because the peer announced that it reads next to nothing.
        BoundRefused = "bound-refused",
        /// A client asked for a sign of life.
        PingSent = "ping-sent",
        /// A sign of life was given.
        PongSent = "pong-sent",
        /// A link without life was given up.
        LinkTimedOut = "link-timed-out",
        /// A peer took too long to introduce itself or to be let in.
        GreetingTimedOut = "greeting-timed-out",
        // Stores.
        /// The store was told again to write what it has.
        AppendRepeated = "append-repeated",
        /// An append failed, or a client's load; another attempt was planned.
        StoreFailed = "store-failed",
        /// A server's append was tried again.
        StoreRetried = "store-retried",
        /// An append succeeded after failures.
        StoredAfterFailure = "stored-after-failure",
        /// A wait between attempts had grown to the limit.
        BackoffCapped = "backoff-capped",
        // Clients.
        /// An attempt to connect failed, and another one was planned.
        DialFailed = "dial-failed",
        /// A document with changes came from the client's own store.
        ClientRestored = "client-restored",
        /// A change was kept back because the client's own store did not have it yet.
        HeldForOwnStore = "held-for-own-store",
        /// A document was left before its join was answered.
        LeftBeforeAnswer = "left-before-answer",
        /// An answer arrived to a join that was taken back.
        AnswerToTakenBackJoin = "answer-to-taken-back-join",
        /// A frame arrived for a document that was left.
        FrameForLeftDocument = "frame-for-left-document",
        /// A join was refused for now, and another one was planned.
        JoinPutOff = "join-put-off",
        /// A joined server lacked changes that the client had.
        JoinedWithUnsent = "joined-with-unsent",
        /// A joined server had changes of the client's and had not stored them: they are sent again.
        JoinedWithUnstored = "joined-with-unstored",
        /// A client learnt by joining that its changes are stored: the acknowledgement had been lost.
        StoredLearntByJoining = "stored-learnt-by-joining",
        /// A client lacked what a change depends on, and asks for it.
        GapAskedByClient = "gap-asked-by-client",
        /// A server lacked something and asked a client for it.
        RewoundByServer = "rewound-by-server",
        /// A client was sent a change that it had.
        OwnChangeCameBack = "own-change-came-back",
        /// A server sent changes that follow others which it has not stored.
        HeardAheadOfStored = "heard-ahead-of-stored",
        /// A client gave a document up because of a change that cannot be taken in.
        ClientDiverged = "client-diverged",
        /// A document's history was unpacked because the server lacked some of it, or had not stored it.
        HistoryUnpacked = "history-unpacked",
        /// A document was not joined because the server lacked something, or had not stored it, that is not kept here.
        PrunedRefused = "pruned-refused",
        /// Another replica was put in the place of one that was open.
        ReplicaReplaced = "replica-replaced",
        /// A history was merged into another one because the application said so.
        Adopted = "adopted",
        // Servers.
        /// A new history was given a birth mark.
        EpochBegun = "epoch-begun",
        /// A server without a document went on with the birth mark that a client brought.
        EpochBrought = "epoch-brought",
        /// A join was refused because the histories differ.
        EpochMismatch = "epoch-mismatch",
        /// A document with changes was loaded.
        RoomRestored = "room-restored",
        /// A document could not be loaded, or a new one not begun.
        LoadFailed = "load-failed",
        /// A document that nobody was in was unloaded.
        RoomUnloaded = "room-unloaded",
        /// A join was refused for its form or for a limit.
        JoinRefusedAtOnce = "join-refused-at-once",
        /// A document was joined while it was being loaded for another link.
        JoinedWhileLoading = "joined-while-loading",
        /// A document was left while it was being loaded.
        LeftWhileLoading = "left-while-loading",
        /// A leave was meant for an earlier join than the one that stands.
        LeaveOfEarlierJoin = "leave-of-earlier-join",
        /// A join was granted that had been taken back.
        GrantTooLate = "grant-too-late",
        /// A join was refused because another client writes as that replica.
        ReplicaInUse = "replica-in-use",
        /// The older of two links of one client was cut.
        StaleLinkCut = "stale-link-cut",
        /// A link lost a document.
        DocumentTakenAway = "document-taken-away",
        /// A frame arrived for a document that its link had not joined, or not any more.
        FrameForUnjoinedDocument = "frame-for-unjoined-document",
        /// A reader's change was refused.
        ReaderRefused = "reader-refused",
        /// A reader joined with changes that are not stored, and is told when they are.
        ReaderHasUnstored = "reader-has-unstored",
        /// A change was refused for its size.
        ChangeTooLargeRefused = "change-too-large-refused",
        /// A change was refused for a clock that is too far ahead.
        ClockAheadRefused = "clock-ahead-refused",
        /// A change arrived again, or from another link too, before it was stored.
        UnstoredSentAgain = "unstored-sent-again",
        /// A change arrived again that is stored: it is acknowledged at once.
        StoredSentAgain = "stored-sent-again",
        /// A link was told that a change is stored which another link had sent first, or it had itself before.
        AlsoSentAcknowledged = "also-sent-acknowledged",
        /// A server lacked what a change depends on, and asks for it.
        GapAskedByServer = "gap-asked-by-server",
        /// A link was to be sent changes from before it joined or asked.
        BacklogToSend = "backlog-to-send",
        /// A frame that was built for one link went to another.
        FrameShared = "frame-shared",
        /// A batch passed over changes that its link has.
        PartialBatch = "partial-batch",
        /// A new writer was introduced to a link that knew others.
        WriterIntroduced = "writer-introduced",
        /// A link lost a document because it does not read frames as large as are needed.
        FrameTooLargeForPeer = "frame-too-large-for-peer",
        /// Changes had come while the store was writing.
        MoreToStore = "more-to-store",
        /// A server was told to stop before everything was stored.
        ShutdownWithUnstored = "shutdown-with-unstored",
        /// Changes arrived at a server that was stopping, and were not taken.
        ChangesWhileStopping = "changes-while-stopping",
    }
}
