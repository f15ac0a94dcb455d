//! Every mistake that can be planted, in the order of the rooms of this crate.

use super::named;

named! {
    /// A mistake that the engine can be told to make.
    Fault {
        // What a log takes in.
        /// The log takes in a change again that it has.
        DuplicateAppended = "duplicate-appended",
        /// The log takes another change of the same number for the one that it has.
        ContradictionAccepted = "contradiction-accepted",
        /// A change is appended although something of another writer that it depends on is not here.
        DependencyNotAwaited = "dependency-not-awaited",
        /// Changes that wait are not looked at when what they wait for arrives.
        WaitingNeverReleased = "waiting-never-released",
        /// Of several changes that wait for the same arrival, one is released and the others wait on.
        OneWaitingReleased = "one-waiting-released",
        /// More changes may wait than the limit says.
        WaitingChangesUnbounded = "waiting-changes-unbounded",
        /// Changes that wait may hold more bytes than the limit says.
        WaitingBytesUnbounded = "waiting-bytes-unbounded",
        /// A document may have more writers than the limit says.
        WritersUnbounded = "writers-unbounded",
        /// A change may have a clock that is not after that of what it depends on.
        ClockBehindAccepted = "clock-behind-accepted",
        /// The clock of a change that is received is not carried over to the next change made here.
        ClockNotObserved = "clock-not-observed",
        /// What a change depends on stays a head of the history.
        HeadNotRetired = "head-not-retired",
        /// A version vector takes an older number of a writer in place of a newer one.
        VersionGoesBack = "version-goes-back",
        /// What a version lacks is looked for one change too late.
        CursorOneTooFar = "cursor-one-too-far",
        // What a document shows.
        /// Of two writes of one clock, the one that arrives last stays.
        TieByArrival = "tie-by-arrival",
        /// The clock does not count: of two writes, the one that arrives last stays.
        LastToArriveWins = "last-to-arrive-wins",
        /// A deleted key or cleared register forgets when that was, so that an older write brings it back.
        KeyTombstoneForgotten = "key-tombstone-forgotten",
        /// Characters that were inserted concurrently at one place stand in the order of their arrival.
        SiblingsByArrival = "siblings-by-arrival",
        /// The right neighbour of an insertion does not count where others were inserted concurrently.
        RightOriginIgnored = "right-origin-ignored",
        /// An insertion whose left neighbour was deleted goes to the beginning.
        TombstoneForgotten = "tombstone-forgotten",
        /// An insertion made here names the next visible character as its right neighbour, not the next one.
        TombstonePassedOver = "tombstone-passed-over",
        /// A run that is split forgets the right neighbour of its second part.
        SplitForgetsRightOrigin = "split-forgets-right-origin",
        /// Two runs become one although their right neighbours differ.
        UnlikeRunsJoined = "unlike-runs-joined",
        /// The deletion of a run that was split here deletes its first part only.
        DeletionStopsAtSplit = "deletion-stops-at-split",
        /// Items that move to another leaf are looked for where they were.
        MovedItemsNotIndexed = "moved-items-not-indexed",
        /// What is deleted still counts in the sums above its leaf.
        DeletionNotSummed = "deletion-not-summed",
        /// After an edit, positions near it are counted as if it had not been.
        CursorLeftBehind = "cursor-left-behind",
        /// Operations are given the ids of others when a stretch of ids is used up.
        StretchOverrun = "stretch-overrun",
        /// The ids of two writers follow one another where their stretches do.
        StretchesTouch = "stretches-touch",
        /// A change may refer to what its maker had not seen, where that happens to be here.
        UnseenReferenceAccepted = "unseen-reference-accepted",
        /// A body may hold more or fewer operations than its change's header says.
        LengthUnchecked = "length-unchecked",
        /// What is mentioned in a change that does not count is known to its writer's later changes.
        MentionsKept = "mentions-kept",
        /// A transaction that is undone leaves the containers that it began.
        RollbackKeepsContainer = "rollback-keeps-container",
        /// A transaction that is undone does not bring back what it deleted.
        RollbackKeepsDeletion = "rollback-keeps-deletion",
        /// A remote deletion is reported one character too early.
        DeletionReportedOneOff = "deletion-reported-one-off",
        /// A remote insertion into a run is reported where the run begins.
        InsertionReportedAtRun = "insertion-reported-at-run",
        /// What a change does that had waited is not reported.
        ReleasedChangeNotReported = "released-change-not-reported",
        /// What a transaction that is undone added to a counter stays.
        RollbackKeepsCount = "rollback-keeps-count",
        /// What a transaction that is undone removed from an or-set or an or-map stays removed.
        RollbackKeepsRemoval = "rollback-keeps-removal",
        /// A container that is made where another one was is that one.
        ChildIsWhatItWas = "child-is-what-it-was",
        /// Containers can be nested as deep as one likes.
        NestingUnbounded = "nesting-unbounded",
        /// A counter is what was added last.
        LastCountStays = "last-count-stays",
        /// A removal takes away also what its maker had not seen.
        RemovalTakesUnseen = "removal-takes-unseen",
        /// Of two values that were put at once, the one that arrives last stays.
        LastPutStays = "last-put-stays",
        /// What goes from an or-set or an or-map is not reported.
        RemovalNotReported = "removal-not-reported",
        /// A container that is an item of a list is not there before someone writes in it.
        ItemsNotOpened = "items-not-opened",
        /// The digest of a list takes in how many items it has and not which.
        DigestIgnoresItems = "digest-ignores-items",
        /// What is deleted from a list is reported one item too early.
        ItemsReportedOneOff = "items-reported-one-off",
        /// Of two moves of one element, the one that arrives last counts.
        LastMoveToArriveWins = "last-move-to-arrive-wins",
        /// An element that was moved is shown where it was, too.
        MovedElementShownTwice = "moved-element-shown-twice",
        /// Moving an element that someone deleted at the same time brings it back.
        MoveBringsBack = "move-brings-back",
        /// The deletion of an element that someone moved at the same time deletes nothing.
        MovedElementNotDeleted = "moved-element-not-deleted",
        /// A move may name another one's slot for an element.
        SlotTakenForElement = "slot-taken-for-element",
        /// Of two values that an element was set to, the one that arrives last stays.
        LastSetToArriveWins = "last-set-to-arrive-wins",
        /// An element that a transaction which is undone moved stays where it was moved.
        RollbackKeepsMove = "rollback-keeps-move",
        /// An element that a transaction which is undone set keeps the value.
        RollbackKeepsElementSet = "rollback-keeps-element-set",
        /// A move is reported as if the element were still where it was.
        MoveReportedOneOff = "move-reported-one-off",
        /// A body may mention a container that it need not.
        LongFormAccepted = "long-form-accepted",
        /// The digest of a map takes in its keys and not its values.
        DigestIgnoresValues = "digest-ignores-values",
        /// The digest of a map does not take in the containers in it.
        DigestIgnoresNested = "digest-ignores-nested",
        // Snapshots.
        /// What is deleted in a snapshot that is taken in stays.
        UnionForgetsDeletions = "union-forgets-deletions",
        /// An element of a movable list that is deleted in a snapshot that is taken in stays.
        UnionForgetsDeletedElements = "union-forgets-deleted-elements",
        /// What a snapshot says that is taken in is taken for later than what is here.
        UnionTakesTheirs = "union-takes-theirs",
        /// What a snapshot that is taken in has counted is added to what was counted here already.
        UnionCountsTwice = "union-counts-twice",
        /// A tag that was taken away in a snapshot that is taken in stays.
        UnionKeepsTags = "union-keeps-tags",
        /// A tag that was taken away here comes back with a snapshot that is taken in.
        UnionRevivesTags = "union-revives-tags",
        /// What writers have mentioned in the meantime is not taken from a snapshot that is taken in.
        UnionForgetsMentions = "union-forgets-mentions",
        /// What a snapshot changes that is taken in is not reported.
        UnionNotReported = "union-not-reported",
        /// What was inserted at the same time is taken to stand between what it would if it had not been.
        SnapshotGuessesOrigins = "snapshot-guesses-origins",
        /// A snapshot has deleted characters as if they were not; so it has no text for them.
        SnapshotRevivesDeleted = "snapshot-revives-deleted",
        /// A snapshot does not have when keys were deleted.
        SnapshotForgetsDeletedKeys = "snapshot-forgets-deleted-keys",
        /// A snapshot does not have what writers had mentioned.
        SnapshotForgetsMentions = "snapshot-forgets-mentions",
        /// A snapshot does not have the birth mark of its history.
        SnapshotForgetsEpoch = "snapshot-forgets-epoch",
        /// What was done since a snapshot is gone when its history is unpacked.
        UnpackingForgetsLater = "unpacking-forgets-later",
        /// A snapshot may take as much memory as it says.
        SnapshotUnbounded = "snapshot-unbounded",
        /// A snapshot or a block is read whatever its checksum says.
        ChecksumUnchecked = "checksum-unchecked",
        /// A cursor whose item is deleted stands one item too far.
        CursorBehindTombstone = "cursor-behind-tombstone",
        /// A nested transaction that is undone keeps what it did.
        NestedRollbackKeeps = "nested-rollback-keeps",
        /// Undoing an insertion deletes also what stands before it.
        UndoTakesNeighbour = "undo-takes-neighbour",
        /// Undoing a write gives back what stood there before, whoever has written there since.
        UndoTakesWriteOfOthers = "undo-takes-write-of-others",
        /// Undoing a removal puts what was there over what others have put there since.
        UndoPutsOverOthers = "undo-puts-over-others",
        /// Undoing a move moves an element back that others have moved since.
        UndoMovesWhatOthersMoved = "undo-moves-what-others-moved",
        /// Undoing what an element was set to gives it its earlier value, whatever others have set it to since.
        UndoSetsWhatOthersSet = "undo-sets-what-others-set",
        /// An element comes back with the value that it was inserted with, whatever it was set to.
        ElementBackAsInserted = "element-back-as-inserted",
        /// Older moves that are undone do not find the element where it came back.
        PlaceForgotten = "place-forgotten",
        /// A container that comes back as an item is empty.
        ContainerBackEmpty = "container-back-empty",
        /// What comes back by undoing a deletion is not found by older edits that are undone after it.
        RebornForgotten = "reborn-forgotten",
        /// What was undone can be redone although something was edited since.
        RedoOutlivesEdit = "redo-outlives-edit",
        /// A view of a past version shows also what came later.
        ViewShowsLater = "view-shows-later",
        /// What is different between two versions is told without what went.
        DiffPassesOverDeletions = "diff-passes-over-deletions",
        /// What is not kept is left out of a block that is to have it.
        BlockOfUnkept = "block-of-unkept",
        /// A block may hold more than the limits say.
        BlockUnbounded = "block-unbounded",
        /// The counters of clocks in a block are taken for those that are expected.
        CounterAsExpected = "counter-as-expected",
        /// In a block, a change that depends on all heads is taken for one that depends on none.
        HeadsForgotten = "heads-forgotten",
        /// In a block, who is introduced is taken for known.
        IntroductionLost = "introduction-lost",
        /// In a block, what was removed is taken to be there still.
        FlippedOnce = "flipped-once",
        /// In a block, texts that are mentioned again are looked for where those of elements are counted, too.
        ElementsCountedTwice = "elements-counted-twice",
        /// In a block, an integer is taken to be near the last one of its container, whatever it is near.
        IntegersOfKeysConfused = "integers-of-keys-confused",
        /// In a block, of a container that is introduced, those that it is in and that are introduced with it are not counted.
        ParentUncounted = "parent-uncounted",
        /// In a block, deletions in a row are taken to go on over what stands elsewhere.
        DeletionsRunOn = "deletions-run-on",
        /// A run of changes is taken in although something that it depends on is not here.
        RunNotAwaited = "run-not-awaited",
        /// Of a run of changes, each but the first is taken to have been made right after the one before.
        RunClocksForgotten = "run-clocks-forgotten",
        /// Of what is deleted backwards in a row, the first is taken for the last.
        DeletionsTurned = "deletions-turned",
        // Frames and links.
        /// The change with which a batch would be too large is in none.
        BatchBoundaryLosesChange = "batch-boundary-loses-change",
        /// A batch takes in everything there is.
        BatchUnbounded = "batch-unbounded",
        /// A frame of any size is read.
        FrameUnbounded = "frame-unbounded",
        /// A peer's joins are taken before the application has let it in.
        ServedBeforeAdmission = "served-before-admission",
        /// A peer may take for ever to introduce itself.
        GreetingUnbounded = "greeting-unbounded",
        /// A client does not ask for a sign of life.
        PingNeverSent = "ping-never-sent",
        /// A side that is asked for a sign of life gives none.
        PongNeverSent = "pong-never-sent",
        /// A server does not notice a link without life.
        DeadClientUnnoticed = "dead-client-unnoticed",
        /// A client does not notice a link without life.
        DeadServerUnnoticed = "dead-server-unnoticed",
        // Stores.
        /// However often an attempt has failed, the wait before the next one is that after the first.
        BackoffNeverGrows = "backoff-never-grows",
        /// An append that is repeated is written again behind the first.
        AppendWrittenTwice = "append-written-twice",
        /// A stored document is taken in although changes in the midst of it are missing.
        StoreGapAccepted = "store-gap-accepted",
        // Clients.
        /// A client does not dial again after a failed attempt.
        FailedDialNotRetried = "failed-dial-not-retried",
        /// A client does not dial again after it has lost its link.
        LostLinkNotRedialled = "lost-link-not-redialled",
        /// A join that is refused for now is not made again.
        RefusalTakenForFinal = "refusal-taken-for-final",
        /// A server is not told that a document was left.
        LeaveNotSent = "leave-not-sent",
        /// A document without its history is joined although the server lacks some of that.
        PrunedJoinAccepted = "pruned-join-accepted",
        /// What is still to be sent of a replica begins where it did in the one that was there before.
        ReplacedNotJoinedAnew = "replaced-not-joined-anew",
        /// A document without its history is joined although the server has not stored some of that.
        UnstoredBaseAccepted = "unstored-base-accepted",
        /// Frames are taken for the first document of their link.
        DocumentsMixedUp = "documents-mixed-up",
        /// After a join a client does not send what the server lacks.
        ClientBeginsAtItsEnd = "client-begins-at-its-end",
        /// After a join a client does not send again what the server has and has not stored.
        UnstoredNotSentAgain = "unstored-not-sent-again",
        /// A document counts as caught up as soon as it is joined.
        CaughtUpTooSoon = "caught-up-too-soon",
        /// A client that lacks something does not ask for it.
        GapNotAskedByClient = "gap-not-asked-by-client",
        /// A client that is asked for what a server lacks goes on where it was.
        ClientNeverRewinds = "client-never-rewinds",
        /// A client's own change that comes from the server counts as stored there.
        EchoTakenForStored = "echo-taken-for-stored",
        /// A client that loses its link forgets what it was told is stored.
        AcknowledgementWithdrawn = "acknowledgement-withdrawn",
        /// What is acknowledged as received counts as stored.
        ReceivedTakenForStored = "received-taken-for-stored",
        /// A client sends changes that its own store does not have yet.
        SentBeforeOwnStore = "sent-before-own-store",
        /// A client takes the failure of its own store for a success.
        OwnStoreFailureIgnored = "own-store-failure-ignored",
        // Servers.
        /// Histories with different birth marks are merged without asking.
        EpochUnchecked = "epoch-unchecked",
        /// The first client hears of a new history before its birth mark is stored.
        EpochToldBeforeStored = "epoch-told-before-stored",
        /// The birth mark of a new history does not come from the seed alone.
        EpochNotFromSeed = "epoch-not-from-seed",
        /// A document that cannot be loaded is taken for a new one.
        LoadFailureIgnored = "load-failure-ignored",
        /// A link may join more documents than the limit says.
        JoinsUnbounded = "joins-unbounded",
        /// Two links may write as one replica.
        ReplicaSharedByTwo = "replica-shared-by-two",
        /// Of two links of one client, the newer is taken for the stale one.
        NewerLinkCut = "newer-link-cut",
        /// Whoever leaves a document keeps its replica from others, and from itself on another link.
        ClaimKept = "claim-kept",
        /// Whoever leaves a document is still counted there.
        SubscriptionLeftBehind = "subscription-left-behind",
        /// A leave ends the link's join of that document, even if it was meant for an earlier one.
        LeaveEndsAnotherJoin = "leave-ends-another-join",
        /// Changes are taken from a link that may only read.
        ReaderMayWrite = "reader-may-write",
        /// A change may be larger than the limit says.
        ChangeUnbounded = "change-unbounded",
        /// A change's clock may be ahead of the server's by more than the limit says.
        ClockAheadAccepted = "clock-ahead-accepted",
        /// A server that lacks something does not ask for it.
        GapNotAskedByServer = "gap-not-asked-by-server",
        /// A server that has asked for what it lacks does not ask again when it lacks something else.
        GapAskedOnce = "gap-asked-once",
        /// A link is sent only what comes after its join.
        ServerNeverRewinds = "server-never-rewinds",
        /// A link that has forgotten what it sent does not get it back.
        OwnChangesWithheld = "own-changes-withheld",
        /// A link is sent back its own changes.
        EchoedToSender = "echoed-to-sender",
        /// New changes wait until a link has something else to be sent.
        ReadersNotAnnounced = "readers-not-announced",
        /// One document of a link is sent to its end before another has its turn.
        DocumentsUnfair = "documents-unfair",
        /// A frame is shared with a link that was told of fewer writers, or of more.
        SharedFrameUnsuited = "shared-frame-unsuited",
        /// A frame is shared after more changes have come, as if it had introduced their writers too.
        SharedFrameOutdated = "shared-frame-outdated",
        /// A frame that passes over one link's changes is shared with others.
        PartialFrameShared = "partial-frame-shared",
        /// A link is told of writers again that it was told of.
        IntroducedTwice = "introduced-twice",
        /// A change is acknowledged as stored when it is only received.
        StoredBeforeFlush = "stored-before-flush",
        /// Changes that came while the store was writing are acknowledged with those that it wrote.
        AcknowledgedBeyondStored = "acknowledged-beyond-stored",
        /// Of several links that sent a change before it was stored, the first alone is told when it is.
        AlsoSentForgotten = "also-sent-forgotten",
        /// Acknowledgements wait until a link has something else to be sent.
        AcknowledgementNotAnnounced = "acknowledgement-not-announced",
        /// The failure of a store is taken for a success.
        StoreFailureIgnored = "store-failure-ignored",
        /// After a failure of the store, no other attempt is planned.
        StoreNotRetried = "store-not-retried",
        /// Changes that came while the store was writing are not written after.
        LaterChangesNotStored = "later-changes-not-stored",
        /// A document that nobody is in is unloaded although some of it is not stored.
        UnloadedUnstored = "unloaded-unstored",
        /// A document that nobody is in is never unloaded.
        IdleRoomKept = "idle-room-kept",
        /// A server that is told to stop says goodbye before everything is stored.
        ShutdownDoesNotWait = "shutdown-does-not-wait",
    }
}
