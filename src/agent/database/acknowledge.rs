//! Commits that wait for another copy (`synchronous_standby_names`).

use super::error::Error;
use super::files::{Configuration, synchronous_names};
use super::instance::{Inner, Instance};
use super::observe::{self, only};
use super::position::Position;
use super::session::value;
use super::settings::Node;
use super::status::Stream;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often it is looked whether a change is in force.
const POLL: Duration = Duration::from_millis(2);

impl Instance {
    /// Has commits of this active copy wait until one of these copies has them on disk. Until
    /// [`Instance::release_acknowledgement`] they hang when none of them streams, also after the
    /// server or the agent was started anew. A copy that is promoted begins without. May be
    /// dropped.
    ///
    /// When this returns, new sessions see it; the server's checkpointer, which arms it, may be a
    /// moment later: commits of that moment do not wait yet.
    ///
    /// # Errors
    /// `Refused` if the settings do not allow it, this copy is passive, or one of the copies does
    /// not stream; `NoAnswer` after `limit`.
    pub async fn require_acknowledgement(
        &self,
        copies: &[Node],
        limit: Duration,
    ) -> Result<(), Error> {
        let inner = &self.inner;
        let what = "wait for another copy";
        if !inner.settings.synchronous || copies.is_empty() {
            let why = "its settings do not make it synchronous, or no copy is named".to_owned();
            return Err(inner.refused(what, why));
        }
        let observed = observe::observe(&inner.session).await?;
        if observed.passive {
            return Err(inner.refused(what, "this copy is passive".to_owned()));
        }
        let streams = |node| observed.streams.iter().any(|stream| stream.node == node);
        if let Some(node) = copies.iter().find(|node| !streams(**node)) {
            return Err(inner.refused(what, format!("the copy of node {node} does not stream")));
        }
        inner.acknowledge(copies.to_vec(), limit).await
    }

    /// How far the log of this active copy is on disk, and the copies that stream from it.
    ///
    /// # Errors
    /// `Refused` if this copy is passive or its server does not run, `NoAnswer`.
    pub async fn streaming_to(&self) -> Result<(Position, Vec<Stream>), Error> {
        let inner = &self.inner;
        let what = "tell who copies from it";
        if inner.process().is_none() {
            return Err(inner.refused(what, "its server does not run".to_owned()));
        }
        let observed = observe::observe(&inner.session).await?;
        if observed.passive {
            return Err(inner.refused(what, "this copy is passive".to_owned()));
        }
        Ok((observed.flushed.unwrap_or_default(), observed.streams))
    }

    /// Has commits wait for no other copy any more, and lets those go that wait. Only when it has
    /// quorum may the caller do so: what is committed from now on may be lost with this host. May
    /// be dropped.
    ///
    /// # Errors
    /// `NoAnswer` after `limit`; it is then in force as soon as the server reads it.
    pub async fn release_acknowledgement(&self, limit: Duration) -> Result<(), Error> {
        self.inner.acknowledge(Vec::new(), limit).await
    }
}

impl Inner {
    async fn acknowledge(&self, acknowledging: Vec<Node>, limit: Duration) -> Result<(), Error> {
        let changed = async {
            let _work = self.take("change what commits wait for", limit).await?;
            let names = synchronous_names(&acknowledging);
            let configuration = self.configuration();
            self.reconfigure(Configuration { acknowledging, ..configuration }).await?;
            if self.process().is_none() {
                return Ok(());
            }
            let sql = "select current_setting('synchronous_standby_names') as names";
            loop {
                let rows = self.session.ask("what commits wait for", sql, &[]).await?;
                if value::<String>(only(&rows)?, "names")? == names {
                    return Ok(());
                }
                sleep(POLL).await;
            }
        };
        timeout(limit, changed).await.unwrap_or_else(|_| {
            let place = format!("database {}", self.settings.name);
            Err(Error::NoAnswer { place, what: "change what commits wait for", limit })
        })
    }
}
