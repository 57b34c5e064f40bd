//! Connections to instances. The one to the local instance is kept, and made anew when it broke.

use super::error::Error;
use super::settings::{AGENT_ROLE, Node, Settings};
use std::error::Error as _;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row};

/// A value of a query, with its type: so that a query takes one round trip.
pub(super) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection and the task that carries it; both end together.
struct Connection {
    client: Client,
    carrier: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

/// A place where SQL is spoken.
pub(super) struct Session {
    place: String,
    config: Config,
    limit: Duration,
    kept: Mutex<Option<Connection>>,
}

impl Session {
    /// The local instance, over its socket, as its administrator.
    pub(super) fn local(settings: &Settings) -> Session {
        let mut config = Config::new();
        config
            .host_path(settings.socket_directory())
            .port(settings.port)
            .user(AGENT_ROLE)
            .dbname("postgres")
            .application_name("dagtwin agent")
            .connect_timeout(settings.limits.answer)
            // The agent's own work never waits for another copy.
            .options("-c synchronous_commit=local");
        let place = format!("database {}", settings.name);
        Session { place, config, limit: settings.limits.answer, kept: Mutex::new(None) }
    }

    /// A peer's instance, as a copy logs in to it. None for a stranger.
    pub(super) fn peer(settings: &Settings, node: Node, password: &str) -> Option<Session> {
        let addresses = settings.peers.get(&node)?;
        let mut config = Config::new();
        for address in addresses {
            config.host(address.ip().to_string()).port(address.port());
        }
        config
            .user(&settings.replication_user)
            .password(password)
            .dbname("postgres")
            .application_name("dagtwin agent")
            .connect_timeout(settings.limits.peer)
            .ssl_mode(tokio_postgres::config::SslMode::Disable);
        let place = format!("database {} on node {node} ({addresses:?})", settings.name);
        Some(Session { place, config, limit: settings.limits.peer, kept: Mutex::new(None) })
    }

    /// Asks; the connection is made first if there is none. May be dropped at any time: the
    /// connection is then made anew for the next question.
    ///
    /// # Errors
    /// `NoPath`, `NoAnswer`, `NotAuthentic` or `Sql`.
    pub(super) async fn ask(
        &self,
        what: &'static str,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        self.ask_within(self.limit, what, sql, values).await
    }

    /// As [`Session::ask`], with a limit of its own.
    pub(super) async fn ask_within(
        &self,
        limit: Duration,
        what: &'static str,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        let late = || Error::NoAnswer { place: self.place.clone(), what, limit };
        timeout(limit, self.answer(what, sql, values)).await.map_err(|_| late())?
    }

    async fn answer(
        &self,
        what: &'static str,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Error> {
        let mut kept = self.kept.lock().await;
        // Taken out while it is asked: an unfinished question leaves no connection behind.
        let connection = match kept.take().filter(|kept| !kept.client.is_closed()) {
            Some(connection) => connection,
            None => self.connect(what).await?,
        };
        let answer = connection.client.query_typed(sql, values).await;
        if answer.as_ref().map_or_else(|error| error.as_db_error().is_some(), |_| true)
            && !connection.client.is_closed()
        {
            *kept = Some(connection);
        }
        answer.map_err(|error| self.failed(what, &error))
    }

    async fn connect(&self, what: &'static str) -> Result<Connection, Error> {
        let (client, connection) =
            self.config.connect(NoTls).await.map_err(|error| self.failed(what, &error))?;
        let carrier = tokio::spawn(async move {
            // How it ends is told to whoever asks next.
            let _ = connection.await;
        });
        Ok(Connection { client, carrier })
    }

    /// Lets the connection go, as after the server has ended. May be dropped.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    fn failed(&self, what: &'static str, error: &tokio_postgres::Error) -> Error {
        let place = self.place.clone();
        let mut told = error.to_string();
        if let Some(cause) = error.source() {
            told = format!("{told}: {cause}");
        }
        let Some(said) = error.as_db_error() else {
            return Error::NoPath { place, why: told };
        };
        let (message, code) = (said.message().to_owned(), said.code().code().to_owned());
        match code.as_str() {
            // Class 28: invalid authorization.
            code if code.starts_with("28") => Error::NotAuthentic { place, why: message },
            _ => Error::Sql { place, what, message, code },
        }
    }
}

/// Whether a server said that it does not take connections yet, or not any more (57P03), or that
/// it ended the connection itself (57P01, 57P02).
pub(super) fn is_not_ready(error: &Error) -> bool {
    matches!(error, Error::Sql { code, .. } if code.starts_with("57P"))
}

/// A value of a row that has one by the query's own making.
///
/// # Errors
/// `Content` if the server answered with something else.
pub(super) fn value<'r, T>(row: &'r Row, column: &'static str) -> Result<T, Error>
where
    T: tokio_postgres::types::FromSql<'r>,
{
    row.try_get(column).map_err(|error| Error::Content {
        path: format!("column {column} of a server's answer"),
        found: error.to_string(),
        expected: "a value of PostgreSQL 15's type",
    })
}
