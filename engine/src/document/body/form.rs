//! The tags of a body, and the numbers that mean something in it.

/// No operation of a document has this number or a greater one, so that twice a number is a number too.
pub(in crate::document) const NUMBERS: u64 = 1 << 63;

pub(super) const INSERT_ONE: u8 = 0;
pub(super) const INSERT: u8 = 1;
pub(super) const DELETE_ONE: u8 = 2;
pub(super) const DELETE: u8 = 3;
pub(super) const SET_KEY: u8 = 4;
pub(super) const DELETE_KEY: u8 = 5;
pub(super) const NEST: u8 = 6;
pub(super) const SET: u8 = 7;
pub(super) const CLEAR: u8 = 8;
pub(super) const COUNT: u8 = 9;
pub(super) const ADD: u8 = 10;
pub(super) const REMOVE: u8 = 11;
pub(super) const PUT: u8 = 12;
pub(super) const PUT_NESTED: u8 = 13;
pub(super) const INSERT_ITEM: u8 = 14;
pub(super) const INSERT_ITEMS: u8 = 15;

/// Where a container was made: at the root, under a name.
pub(super) const ROOT: u64 = 0;
/// At a key of another one.
pub(super) const KEY: u64 = 1;
/// As an item of another one.
pub(super) const ITEM: u64 = 2;

/// A flag of a tag: the container is that of the writer's last operation, and not mentioned.
pub(super) const SAME: u8 = 0x40;
/// A flag of an insertion: it goes on where the writer's last operation, an insertion too, ended, and its neighbours are not
/// mentioned.
pub(super) const CONTINUES: u8 = 0x80;
