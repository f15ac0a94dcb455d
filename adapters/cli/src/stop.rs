//! Being told to stop.

use std::io::Read;

use tokio::sync::mpsc;

use crate::failure::Failure;

/// Waits for SIGINT (ctrl-c), SIGTERM or SIGHUP; elsewhere than on Unix for ctrl-c.
pub(crate) struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
    /// Says when standard input has ended, if that counts.
    stdin: Option<mpsc::Receiver<()>>,
}

impl Stop {
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(Failure::bug);
        let signals =
            [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?];
        Ok(Self { signals, stdin: None })
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { stdin: None })
    }

    /// Also stops when standard input ends.
    pub(crate) fn with_stdin() -> Result<Self, Failure> {
        let (ended, stdin) = mpsc::channel(1);
        // A thread of its own: the runtime would wait for one of its own to end.
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            let mut passed_over = [0; 64];
            while stdin.read(&mut passed_over).is_ok_and(|read| read > 0) {}
            let _ = ended.blocking_send(());
        });
        Ok(Self { stdin: Some(stdin), ..Self::new()? })
    }

    /// The next time that someone says so.
    pub(crate) async fn wait(&mut self) {
        let stdin = async {
            let ended = match &mut self.stdin {
                Some(stdin) => stdin.recv().await,
                None => None,
            };
            // It ends once; after that only signals count.
            if ended.is_none() {
                std::future::pending::<()>().await;
            }
        };
        #[cfg(unix)]
        {
            let [interrupt, terminate, hangup] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                () = stdin => {}
            }
        }
        #[cfg(not(unix))]
        {
            tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => {}
                () = stdin => {}
                else => std::future::pending().await,
            }
        }
    }
}
