//! The async runtimes that a client can run on.

use std::{future::Future, process::ExitCode};

use clap::ValueEnum;
use crdt_socket_sync_async_std::{AsyncIo, AsyncStd};
use crdt_socket_sync_tokio::Tokio;
use crdt_socket_sync_websocket::Runtime;

use crate::{Outcome, failure::Failure};

/// A runtime by its name.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(crate) enum RuntimeName {
    #[default]
    Tokio,
    AsyncStd,
}

/// Something to be done on whichever runtime was asked for.
pub(crate) trait Job {
    fn run<R: Runtime + Default>(self) -> impl Future<Output = Outcome>;
}

impl RuntimeName {
    /// Does a job to its end.
    pub(crate) fn run(self, job: impl Job) -> Outcome {
        match self {
            Self::Tokio => tokio()?.block_on(job.run::<Tokio>()),
            Self::AsyncStd => async_std::task::block_on(job.run::<AsyncIo<AsyncStd>>()),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
        }
    }
}

/// A tokio runtime with all its drivers.
pub(crate) fn tokio() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the runtime: {error}"), "see what limits this process has"))
}

/// Has a future run beside this one; its result, once it is there.
pub(crate) fn spawn<R: Runtime + Default, T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Result<T, Failure>> {
    let (result, waiting) = tokio::sync::oneshot::channel();
    R::default().spawn(async move {
        // Nobody waits any more after a failure elsewhere.
        let _ = result.send(future.await);
    });
    async { waiting.await.map_err(|_| Failure::bug("a task has ended without a result")) }
}

/// All went well.
pub(crate) const fn done() -> Outcome {
    Ok(ExitCode::SUCCESS)
}
