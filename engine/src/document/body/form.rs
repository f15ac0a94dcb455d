//! The tags of a body, and the numbers that mean something in it.

/// No operation of a document has this number or a greater one, so that twice a number is a number too.
pub(in crate::document) const NUMBERS: u64 = 1 << 63;

pub(in crate::document) const INSERT_ONE: u8 = 0;
pub(in crate::document) const INSERT: u8 = 1;
pub(in crate::document) const DELETE_ONE: u8 = 2;
pub(in crate::document) const DELETE: u8 = 3;
pub(in crate::document) const SET_KEY: u8 = 4;
pub(in crate::document) const DELETE_KEY: u8 = 5;
pub(in crate::document) const NEST: u8 = 6;
pub(in crate::document) const SET: u8 = 7;
pub(in crate::document) const CLEAR: u8 = 8;
pub(in crate::document) const COUNT: u8 = 9;
pub(in crate::document) const ADD: u8 = 10;
pub(in crate::document) const REMOVE: u8 = 11;
pub(in crate::document) const PUT: u8 = 12;
pub(in crate::document) const PUT_NESTED: u8 = 13;
pub(in crate::document) const INSERT_ITEM: u8 = 14;
pub(in crate::document) const INSERT_ITEMS: u8 = 15;
pub(in crate::document) const MOVE: u8 = 16;
pub(in crate::document) const SET_ELEMENT: u8 = 17;

/// Where a container was made: at the root, under a name.
pub(in crate::document) const ROOT: u64 = 0;
/// At a key of another one.
pub(in crate::document) const KEY: u64 = 1;
/// As an item of another one.
pub(in crate::document) const ITEM: u64 = 2;

/// A flag of a tag: the container is that of the writer's last operation, and not mentioned.
pub(in crate::document) const SAME: u8 = 0x40;
/// A flag of an insertion: it goes on where the writer's last operation, an insertion too, ended, and its neighbours are not
/// mentioned.
pub(in crate::document) const CONTINUES: u8 = 0x80;

/// The tag of a letter typed on, and of the deletion of one character where the last operation was.
pub(in crate::document) const TYPED_ON: u8 = INSERT_ONE | SAME | CONTINUES;
pub(in crate::document) const DELETED: u8 = DELETE_ONE | SAME;
