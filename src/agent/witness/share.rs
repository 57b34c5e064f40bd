//! A witness on an SMB share: one kept session that is made again when it breaks.

use super::boot::{self, Boot};
use super::decide::Step;
use super::directory::NAME;
use super::error::Error;
use super::record::{FILE, Record, Unfit};
use super::wire::{Open, Trouble, Wire};
use smb2::client::Connection;
use smb2::types::Command;
use smb2::types::status::NtStatus;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Time between two tries to open what another has open. A compare-and-swap takes about 1 ms
/// (linux-ha.md §9: open 0.7..0.9, write 0.1, close 0.1).
const WAIT: Duration = Duration::from_millis(5);

/// Where the share is, and who uses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareSettings {
    /// The file server. An address, because a name would need DNS at the worst moment
    /// (linux-ha.md §9: a dead DNS server costs 10 s).
    pub server: SocketAddr,
    /// The name of the share.
    pub share: String,
    /// The folder in the share, with `\` between its parts; empty for the share itself. It has to
    /// exist.
    pub folder: String,
    /// The user, an NTLM account.
    pub user: String,
    /// The user's domain; empty for an account of the file server itself.
    pub domain: String,
    /// A file with the password, and nothing else but a line end; nobody but its owner may read
    /// it. It is read once.
    pub password_file: PathBuf,
}

/// The share, with the session to it.
pub(super) struct Share {
    settings: ShareSettings,
    password: String,
    place: String,
    /// Nothing is under way on it. While something is, it is owned by that operation, and ends
    /// with it if it does not end well: a request without an answer may still open the file.
    kept: Option<Wire>,
    /// What was written last, if it is not known to have arrived.
    unsure: Option<Record>,
    /// What is waited for.
    doing: &'static str,
    /// The server's last word was that another has the record open.
    in_use: bool,
}

/// Why an attempt has no answer.
enum Stop {
    /// Another has the file open.
    InUse,
    /// The place answers, and it is no use trying again; the session is as it was.
    Final(Error),
    /// The session is of no use any more.
    Broken(smb2::Error),
}

/// Something that is done with a session.
trait Work: Copy + Send {
    type Answer: Send;
    fn on(
        self,
        share: &mut Share,
        wire: &Wire,
    ) -> impl Future<Output = Result<Self::Answer, Stop>> + Send;
}

#[derive(Clone, Copy)]
struct Swap<S>(S);

impl<S: Step> Work for Swap<S> {
    type Answer = S::Answer;

    async fn on(self, share: &mut Share, wire: &Wire) -> Result<S::Answer, Stop> {
        share.swap(wire, self.0).await
    }
}

#[derive(Clone, Copy)]
struct Make;

impl Work for Make {
    type Answer = Record;

    async fn on(self, share: &mut Share, wire: &Wire) -> Result<Record, Stop> {
        share.make(wire).await
    }
}

#[derive(Clone, Copy)]
struct Start;

impl Work for Start {
    type Answer = Boot;

    async fn on(self, share: &mut Share, wire: &Wire) -> Result<Boot, Stop> {
        share.start(wire).await
    }
}

impl Share {
    pub(super) fn new(settings: ShareSettings) -> Result<Share, Error> {
        let password = password(&settings.password_file)?;
        let mut place = format!(r"\\{}\{}", settings.server, settings.share);
        if !settings.folder.is_empty() {
            place = format!(r"{place}\{}", settings.folder);
        }
        let (kept, unsure, doing, in_use) = (None, None, "connecting", false);
        Ok(Share { settings, password, place, kept, unsure, doing, in_use })
    }

    pub(super) async fn exchange<S: Step>(
        &mut self,
        step: S,
        limit: Duration,
    ) -> Result<S::Answer, Error> {
        self.within(limit, Swap(step)).await
    }

    pub(super) async fn prepare(&mut self, limit: Duration) -> Result<Record, Error> {
        self.within(limit, Make).await
    }

    pub(super) async fn boot(&mut self, limit: Duration) -> Result<Boot, Error> {
        self.within(limit, Start).await
    }

    /// Does something with a session, and keeps the session if nothing is left open on it.
    async fn within<W: Work>(&mut self, limit: Duration, work: W) -> Result<W::Answer, Error> {
        self.in_use = false;
        let deadline = Instant::now() + limit;
        let attempts = self.attempts(deadline, limit, work);
        match timeout_at(deadline, attempts).await {
            Ok(answer) => answer,
            Err(_) if self.in_use => Err(Error::Busy { place: self.place.clone(), limit }),
            Err(_) => Err(self.no_answer(limit)),
        }
    }

    async fn attempts<W: Work>(
        &mut self,
        deadline: Instant,
        limit: Duration,
        work: W,
    ) -> Result<W::Answer, Error> {
        loop {
            let kept = self.kept.take().filter(Wire::alive);
            self.check_path(limit)?;
            let is_new = kept.is_none();
            let wire = match kept {
                Some(wire) => wire,
                None => self.connect(deadline, limit).await?,
            };
            let done = work.on(self, &wire).await;
            self.in_use = matches!(done, Err(Stop::InUse));
            match done {
                Ok(answer) => {
                    self.kept = Some(wire);
                    return Ok(answer);
                }
                Err(Stop::Final(error)) => {
                    self.kept = Some(wire);
                    return Err(error);
                }
                Err(Stop::InUse) => {
                    self.kept = Some(wire);
                    sleep(WAIT).await;
                }
                // A kept session may have ended long ago, without anybody noticing.
                Err(Stop::Broken(_)) if !is_new => {}
                Err(Stop::Broken(error)) => return Err(self.error(&error, limit)),
            }
        }
    }

    /// One compare-and-swap.
    async fn swap<S: Step>(&mut self, wire: &Wire, step: S) -> Result<S::Answer, Stop> {
        self.doing = "opening the record";
        let name = self.name(NAME);
        if !S::WRITES {
            let text = wire.look(&name, FILE + 1).await;
            let found = self.found(&text.map_err(|trouble| self.stop(trouble, RECORD))?);
            return Ok(step.decide(found.map_err(Stop::Final)?, self.unsure).0);
        }
        let opened = wire.open(&name, Open::Alone, FILE + 1).await;
        let (file, text) = opened.map_err(|trouble| self.stop(trouble, RECORD))?;
        self.in_use = false;
        let (answer, write) = match self.found(&text) {
            Ok(found) => step.decide(found, self.unsure),
            Err(error) => {
                self.doing = "closing the record";
                wire.close(file).await.map_err(|trouble| self.stop(trouble, RECORD))?;
                return Err(Stop::Final(error));
            }
        };
        if let Some(record) = write {
            self.doing = "writing the record";
            self.unsure = Some(record);
            let written = wire.write_and_close(file, record.offset(), &record.text()).await;
            written.map_err(|trouble| self.stop(trouble, RECORD))?;
            self.unsure = None;
        } else {
            self.doing = "closing the record";
            wire.close(file).await.map_err(|trouble| self.stop(trouble, RECORD))?;
        }
        Ok(answer)
    }

    /// Makes the record if there is none.
    async fn make(&mut self, wire: &Wire) -> Result<Record, Stop> {
        self.doing = "preparing the record";
        let opened = wire.open(&self.name(NAME), Open::AloneOrNew, FILE + 1).await;
        let (file, found) = opened.map_err(|trouble| self.stop(trouble, "the folder"))?;
        let (found, done) = if Record::of_file(&found) == Err(Unfit::Blank) {
            let first = Record::first_file();
            let done = wire.write_and_close(file, 0, &first).await;
            (first, done)
        } else {
            (found, wire.close(file).await)
        };
        done.map_err(|trouble| self.stop(trouble, RECORD))?;
        self.found(&found).map_err(Stop::Final)
    }

    /// The record in a file that was read. If it is not the one that was written last, that one
    /// never arrived: it cannot come later, because its file is closed.
    fn found(&mut self, file: &[u8]) -> Result<Record, Error> {
        let place = self.place.clone();
        let found = Record::of_file(file).map_err(|unfit| Error::Unfit { place, unfit })?;
        if self.unsure != Some(found) {
            self.unsure = None;
        }
        Ok(found)
    }

    /// When the host started.
    async fn start(&mut self, wire: &Wire) -> Result<Boot, Stop> {
        self.doing = "reading when the host started";
        let text = wire.look(&self.name(boot::FILE), boot::LONGEST).await;
        let text = text.map_err(|trouble| self.stop(trouble, "the file `boot`"))?;
        Boot::of_file(&self.place, &text).map_err(Stop::Final)
    }

    async fn connect(&mut self, deadline: Instant, limit: Duration) -> Result<Wire, Error> {
        self.doing = "connecting";
        let server = self.settings.server.to_string();
        let left = deadline.saturating_duration_since(Instant::now());
        let mut connection =
            Connection::connect(&server, left).await.map_err(|error| self.error(&error, limit))?;
        // The caller's limit is the only one.
        connection.set_response_timeout(None);
        connection.set_keepalive(None);
        self.doing = "signing in";
        let negotiated = connection.negotiate().await;
        negotiated.map_err(|error| self.error(&error, limit))?;
        let user = (&*self.settings.user, &*self.password, &*self.settings.domain);
        let wire = Wire::sign_in(connection, &self.settings.share, user).await;
        wire.map_err(|error| self.error(&error, limit))
    }

    /// Whether a route leads to the server. Sends nothing. A kept connection would not tell: TCP
    /// goes on trying long after the last route is gone.
    fn check_path(&self, limit: Duration) -> Result<(), Error> {
        let server = self.settings.server;
        let any = match server {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        UdpSocket::bind((any, 0))
            .and_then(|socket| socket.connect(server))
            .map_err(|error| Error::of_io(&self.place, "looking for a route", limit, &error))
    }

    /// A file's name in the share.
    fn name(&self, file: &str) -> String {
        let folder = &self.settings.folder;
        if folder.is_empty() { file.to_owned() } else { format!(r"{folder}\{file}") }
    }

    fn no_answer(&self, limit: Duration) -> Error {
        Error::NoAnswer { place: self.place.clone(), doing: self.doing, limit }
    }

    /// What trouble with a file means.
    fn stop(&self, trouble: Trouble, file: &'static str) -> Stop {
        let status = match trouble {
            Trouble::Broken(error) => return Stop::Broken(error),
            Trouble::Status(NtStatus::SHARING_VIOLATION) => return Stop::InUse,
            Trouble::Status(status) => status,
        };
        let (place, doing, found) = (self.place.clone(), self.doing, status.to_string());
        Stop::Final(match status {
            NtStatus::OBJECT_NAME_NOT_FOUND | NtStatus::OBJECT_PATH_NOT_FOUND => {
                let remedy = "check the folder, and prepare the witness once";
                Error::Missing { place, missing: file, found, remedy }
            }
            NtStatus::ACCESS_DENIED => Error::Denied { place, doing, found },
            _ => Error::Failed { place, doing, found },
        })
    }

    /// What the end of a session means.
    fn error(&self, error: &smb2::Error, limit: Duration) -> Error {
        let (place, doing, found) = (self.place.clone(), self.doing, error.to_string());
        #[expect(clippy::wildcard_enum_match_arm, reason = "not our enum, and it may grow")]
        match error {
            smb2::Error::Timeout => self.no_answer(limit),
            smb2::Error::Io(error) => Error::of_io(&place, doing, limit, error),
            smb2::Error::SendFailed { source, .. } => Error::of_io(&place, doing, limit, source),
            smb2::Error::ConnectFailed { attempts, .. } => {
                match attempts.first().and_then(|attempt| attempt.error_kind) {
                    Some(kind) => Error::of_io(&place, doing, limit, &kind.into()),
                    None => self.no_answer(limit),
                }
            }
            smb2::Error::Protocol { status: NtStatus::BAD_NETWORK_NAME, .. } => {
                let remedy = "check its name, and that the file server shares it";
                Error::Missing { place, missing: "the share", found, remedy }
            }
            smb2::Error::Protocol { command: Command::SessionSetup, .. }
            | smb2::Error::Protocol { status: NtStatus::ACCESS_DENIED, .. }
            | smb2::Error::Auth { .. }
            | smb2::Error::GuestSessionRefused { .. }
            | smb2::Error::SignatureInvalid { .. } => Error::Denied { place, doing, found },
            _ => Error::Failed { place, doing, found },
        }
    }
}

const RECORD: &str = "the file `witness`";

impl std::fmt::Debug for Share {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Share").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The password in a file that others cannot read.
fn password(file: &Path) -> Result<String, Error> {
    let unusable = |found: String, remedy: &'static str| Error::Password {
        file: file.display().to_string(),
        found,
        remedy,
    };
    let there = "name a file with the password, which this process may read";
    let about = fs::metadata(file).map_err(|error| unusable(error.to_string(), there))?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(unusable(
            format!("mode {mode:o}"),
            "let nobody but its owner read it: mode 600",
        ));
    }
    let text = fs::read_to_string(file).map_err(|error| unusable(error.to_string(), there))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(unusable("it is empty".to_owned(), there));
    }
    Ok(password.to_owned())
}
