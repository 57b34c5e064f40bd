//! What a client is and where it stands.

use super::super::dns::Name;
use super::super::plant::Plant;
use super::{names, neighbour, tcp};
use crate::base::draw::{Purpose, Stream};
use crate::base::{Address, ClientId, DbId, Instant, MachineId, MailId, NetId, Ratio, Span};
use crate::journal::RecordNo;
use crate::journal::record::{ConnectionState, Refused, Request};
use crate::model::topology::{Authentication, ClientGroup, ClientKind, Connection, ServerName};
use crate::model::{Service, Settings, sizing};
use bevy_ecs::prelude::Component;
use std::collections::VecDeque;

/// Where a client stands with its front wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It has no wish.
    Idle,
    /// It waits before it tries again; a person's impatience ends that.
    Pause,
    /// A person does something that takes its time.
    Person,
    /// It waits for the DNS server.
    Name,
    /// It waits for a connection.
    Connect,
    /// It waits for the answer to its log-on.
    LogOn,
    /// It waits for the answer to the wish itself.
    Work,
}

/// Something wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) request: Request,
    pub(super) asked: Instant,
    /// The record that says so.
    pub(super) record: RecordNo,
    /// The message to send.
    pub(super) mail: Option<MailId>,
}

/// When a server has done its own part of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ready {
    /// Then the answer leaves.
    Answer(Instant),
    /// Then it turns to a domain controller or to the Store.
    Turn(Instant),
}

/// What a server made of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Done.
    Done,
    /// Done: Autodiscover's answer.
    Settings { endpoint: Name, array: bool },
    /// The session's key is another server's: log on again.
    LogOnPage,
    /// An error.
    Refused(Refused),
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// An established connection ended.
    Lost,
    /// A connect was not answered.
    Unanswered,
    /// An answer was an error.
    Refused,
}

/// A client.
#[derive(Component)]
pub(in crate::sim) struct Client {
    pub(super) kind: ClientKind,
    pub(super) cached: bool,
    pub(super) connection: Connection,
    /// Share of its requests that send a message.
    pub(super) send_share: Ratio,
    /// Bytes of a request on the network, both ways.
    pub(super) bytes: u32,
    pub(super) network: NetId,
    pub(super) database: DbId,
    pub(super) authentication: Authentication,
    pub(super) server: Option<ServerName>,
    pub(super) think: Span,
    pub(super) think_draws: Stream,
    pub(super) choice: Stream,
    pub(super) neighbours: neighbour::Cache,
    pub(super) names: names::Names,
    /// The name that it is configured with.
    pub(super) home: Name,
    /// The name that Autodiscover told.
    pub(super) endpoint: Option<Name>,
    pub(super) wishes: VecDeque<Wish>,
    /// Wishes answered so far.
    pub(super) served: u32,
    /// Whether the next wish is planned.
    pub(super) thinking: bool,
    pub(super) step: Step,
    pub(super) turn: u32,
    pub(super) link: Option<tcp::Connection>,
    pub(super) flight: tcp::Flight,
    pub(super) shown: ConnectionState,
    /// Logged on, on this connection (Outlook) or by a cookie (OWA).
    pub(super) session: bool,
    /// The server whose key the session's cookie is encrypted with.
    pub(super) cookie: Option<MachineId>,
    /// Has a Kerberos ticket for the server's name.
    pub(super) ticket: bool,
    /// Has been logged on before.
    pub(super) known: bool,
    /// The machine that it was last logged on to.
    pub(super) last_machine: Option<MachineId>,
    /// Whether a request of it is out.
    pub(super) out: bool,
    /// The client's last record.
    pub(super) last: RecordNo,
}

impl Client {
    /// Its streams begin anew.
    pub(in crate::sim) fn draw_anew(&mut self, stream: impl Fn(Purpose) -> Stream) {
        self.neighbours.draw_from(stream(Purpose::Reachable));
        self.think_draws = stream(Purpose::Think);
        self.choice = stream(Purpose::Choice);
    }

    /// A client of a group that has not started yet.
    pub(in crate::sim) fn new(
        id: ClientId,
        group: &ClientGroup,
        settings: &Settings,
        seed: u64,
    ) -> Self {
        let stream = |purpose| Stream::new(seed, u64::from(id.0), purpose);
        let cache = neighbour::Cache::new(group.operating_system, stream(Purpose::Reachable));
        Client {
            kind: group.kind,
            cached: group.cached && group.kind == ClientKind::Outlook,
            connection: group.connection,
            send_share: sizing::send_share(settings, group),
            bytes: u32::try_from(sizing::bytes_per_request(settings, group)).unwrap_or(u32::MAX),
            network: group.network,
            database: group.database,
            authentication: group.authentication,
            server: group.server,
            think: group.think,
            think_draws: stream(Purpose::Think),
            choice: stream(Purpose::Choice),
            neighbours: cache,
            names: names::Names::default(),
            home: Name::Machine(MachineId(0)),
            endpoint: None,
            wishes: VecDeque::new(),
            served: 0,
            thinking: false,
            step: Step::Idle,
            turn: 0,
            link: None,
            flight: tcp::Flight::new(Instant::ZERO, Address(0)),
            shown: ConnectionState::Disconnected,
            session: false,
            cookie: None,
            ticket: false,
            known: false,
            last_machine: None,
            out: false,
            last: RecordNo(0),
        }
    }

    /// When the client starts, counted from the moment since which clients work.
    pub(in crate::sim) fn first_wait(&mut self, think: Span) -> Span {
        self.think_draws.between(Span::ZERO, think)
    }

    /// Begins a new step: events of the step before are void.
    pub(super) fn begin(&mut self, step: Step) -> u32 {
        self.step = step;
        self.turn += 1;
        self.turn
    }

    /// The request at the front.
    pub(super) fn request(&self) -> Option<Request> {
        self.wishes.front().map(|wish| wish.request)
    }

    /// The record of the wish at the front.
    pub(super) fn wish_record(&self) -> RecordNo {
        self.wishes.front().map_or(RecordNo(0), |wish| wish.record)
    }

    /// The service that serves the front wish.
    pub(super) fn service(&self) -> Service {
        match self.kind {
            ClientKind::Outlook if self.request() == Some(Request::Autodiscover) => {
                Service::Autodiscover
            }
            ClientKind::Outlook if self.connection == Connection::Http => Service::OutlookAnywhere,
            ClientKind::Outlook => Service::RpcClientAccess,
            ClientKind::Owa => Service::Owa,
            ClientKind::Smtp => Service::HubTransport,
            ClientKind::Autodiscover => Service::Autodiscover,
            ClientKind::ActiveSync => Service::ActiveSync,
        }
    }

    /// The name behind which that service is.
    pub(super) fn name(&self) -> Name {
        match self.service() {
            Service::RpcClientAccess => self.endpoint.unwrap_or(self.home),
            Service::Cluster
            | Service::Store
            | Service::Replication
            | Service::HubTransport
            | Service::Owa
            | Service::Autodiscover
            | Service::OutlookAnywhere
            | Service::ActiveSync
            | Service::Directory
            | Service::Dns
            | Service::FileServer => self.home,
        }
    }

    /// Closes the connection; Outlook's session ends with it, OWA's is a cookie and stays.
    pub(super) fn close(&mut self) {
        self.link = None;
        if self.kind == ClientKind::Outlook {
            self.session = false;
        }
    }
}

/// Clients that have waited longer than a span for what they want.
pub(in crate::sim) fn waiting(p: &Plant, at: Instant, longer_than: Span) -> u64 {
    let waits = |id: ClientId| {
        let front = p.client(id).wishes.front();
        front.is_some_and(|wish| at.saturating_since(wish.asked) > longer_than)
    };
    p.client_ids().filter(|id| waits(*id)).count() as u64
}

/// Memory that clients take, in bytes: of all together, and of the largest.
pub(in crate::sim) fn bytes(p: &Plant) -> (u64, u64) {
    let of = |id: ClientId| {
        let client = p.client(id);
        let wishes = client.wishes.capacity() * size_of::<Wish>();
        let heap = wishes + client.names.heap_bytes() + client.neighbours.heap_bytes();
        (size_of::<Client>() + heap) as u64
    };
    p.client_ids().map(of).fold((0, 0), |(all, most), bytes| (all + bytes, most.max(bytes)))
}
