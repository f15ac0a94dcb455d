//! Panics that are expected, and not printed.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    /// What the last panic on this thread said, while panics are kept from the terminal.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does something that may panic, and returns what the panic said, and where, instead of printing it.
///
/// The first call puts a hook before the process's panic hook; panics elsewhere are printed as ever.
///
/// # Errors
///
/// If it panics.
pub fn quietly<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let quiet = SAID.with_borrow_mut(|said| {
                said.as_mut().is_some_and(|said| {
                    *said = info.to_string();
                    true
                })
            });
            if !quiet {
                loud(info);
            }
        }));
    });
    let before = SAID.replace(Some(String::new()));
    let done = panic::catch_unwind(AssertUnwindSafe(act));
    let said = SAID.replace(before);
    done.map_err(|_| said.unwrap_or_default())
}
