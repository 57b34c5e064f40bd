//! A witness on an SMB share: one kept session that is made again when it breaks.

use super::boot::{self, Boot};
use super::decide::{Step, Unsure};
use super::error::Error;
use super::record::{LISTINGS, PATTERN, Record};
use super::wire::{Trouble, Wire};
use smb2::client::Connection;
use smb2::types::Command;
use smb2::types::status::NtStatus;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Time between two looks when another was faster or has the record open. A compare-and-swap takes
/// about 1 ms (linux-ha.md §9: open 0.7..0.9, write 0.1, close 0.1).
const WAIT: Duration = Duration::from_millis(5);

/// How long an operation may take before it is begun anew on another connection (assumed), twice as
/// long each time, for a server may be slow. TCP itself asks again after a second, and later each
/// time: what was asked while nothing passed would wait long after the path is back.
const ANEW: Duration = Duration::from_millis(400);

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
    /// with it if it does not end well: answers that nobody waits for would come on it.
    kept: Option<Wire>,
    /// What was written without an answer.
    unsure: Unsure,
    /// What is waited for.
    doing: &'static str,
    /// The server's last word was that another has the record open.
    in_use: bool,
}

/// Why an attempt has no answer.
enum Stop {
    /// Another has the record open, for the moment of its own compare-and-swap. Or it is no member
    /// of ours, and then it may take its time.
    InUse,
    /// Another has changed the record since it was looked at.
    Moved,
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
        let (kept, unsure, doing, in_use) = (None, Unsure::default(), "connecting", false);
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

    /// Does something with a session, and keeps the session if nothing is under way on it.
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
        let mut patience = ANEW;
        loop {
            let kept = self.kept.take().filter(Wire::alive);
            self.check_path(limit)?;
            let is_new = kept.is_none();
            let attempt = async {
                let wire = match kept {
                    Some(wire) => wire,
                    None => self.connect(deadline, limit).await?,
                };
                let done = work.on(self, &wire).await;
                Ok((wire, done))
            };
            let Ok(attempted) = timeout(patience, attempt).await else {
                // What was sent may still arrive, as if this member had been cut off.
                patience *= 2;
                continue;
            };
            let (wire, done) = attempted?;
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
                Err(Stop::InUse | Stop::Moved) => {
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
        let found = self.record(wire).await?;
        let own = self.unsure.found(found);
        let (answer, write) = step.decide(found, own);
        let Some(next) = write else { return Ok(answer) };
        self.doing = "renaming the record";
        self.unsure.writing(next);
        match wire.rename(&self.name(&found.name()), &self.name(&next.name())).await {
            Ok(()) => {
                self.unsure.arrived();
                Ok(answer)
            }
            Err(Trouble::Status(
                NtStatus::OBJECT_NAME_NOT_FOUND | NtStatus::OBJECT_NAME_COLLISION,
            )) => Err(Stop::Moved),
            Err(trouble) => Err(self.stop(trouble, FOLDER)),
        }
    }

    /// Makes the record if there is none.
    async fn make(&mut self, wire: &Wire) -> Result<Record, Stop> {
        if let Some(found) = self.list(wire).await? {
            return Ok(found);
        }
        self.doing = "preparing the record";
        match wire.make(&self.name(&Record::FIRST.name())).await {
            Ok(()) | Err(Trouble::Status(NtStatus::OBJECT_NAME_COLLISION)) => {}
            Err(trouble) => return Err(self.stop(trouble, FOLDER)),
        }
        // If another prepared it and a third claimed it meanwhile, there are two now.
        self.record(wire).await
    }

    /// The record that has to be there.
    async fn record(&mut self, wire: &Wire) -> Result<Record, Stop> {
        let found = self.list(wire).await?;
        found.ok_or_else(|| {
            let remedy = "check the folder, and prepare the witness once";
            Stop::Final(Error::no_record(&self.place, remedy))
        })
    }

    /// The record that is there.
    async fn list(&mut self, wire: &Wire) -> Result<Option<Record>, Stop> {
        self.doing = "looking for the record";
        let mut left = LISTINGS;
        loop {
            let names = wire.names(&self.settings.folder, PATTERN).await;
            let found = Record::of_names(names.map_err(|trouble| self.stop(trouble, FOLDER))?);
            left -= 1;
            if left == 0 || !Record::is_unsettled(&found) {
                let place = self.place.clone();
                return found.map_err(|unfit| Stop::Final(Error::Unfit { place, unfit }));
            }
            sleep(WAIT).await;
        }
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

const FOLDER: &str = "the folder";

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
