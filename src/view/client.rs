//! A client as its own records show it.

use crate::base::MachineId;
use crate::journal::record::{ClientEvent, ConnectionState, Request};

/// A client.
#[derive(Clone, Copy, Default, Debug)]
pub struct Client {
    /// Whether it has started to work.
    pub started: bool,
    /// What its status bar says; none before the first connection.
    pub state: Option<ConnectionState>,
    /// The machine that it is connected to.
    pub machine: Option<MachineId>,
    /// Whether a request is unanswered.
    pub waiting: bool,
    /// Whether its last request was answered.
    pub answered: bool,
    /// Whether it is logging on.
    pub logging_on: bool,
    /// Whether its unanswered request has met silence, a reset or a refusal.
    pub troubled: bool,
    /// How often it had to log on again.
    pub log_ons_again: u32,
    /// How often it must be restarted.
    pub restarts: u32,
}

/// How a client stands, as a person beside it would say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// It works and waits for nothing.
    Connected,
    /// A request is on its way, and nothing has gone wrong with it so far.
    Waiting,
    /// It logs on, or shows its log-on page.
    LoggingOn,
    /// It tries again: its request met silence, a reset or a refusal.
    Trying,
    /// Its status bar says "Disconnected".
    Disconnected,
}

impl Standing {
    /// Every standing, the best first.
    pub const ALL: [Standing; 5] = [
        Standing::Connected,
        Standing::Waiting,
        Standing::LoggingOn,
        Standing::Trying,
        Standing::Disconnected,
    ];

    /// What pictures call it.
    pub const fn word(self) -> &'static str {
        match self {
            Standing::Connected => "connected",
            Standing::Waiting => "waiting",
            Standing::LoggingOn => "logging on",
            Standing::Trying => "trying",
            Standing::Disconnected => "disconnected",
        }
    }

    /// Whether its user cannot work.
    pub const fn is_out(self) -> bool {
        matches!(self, Standing::Trying | Standing::Disconnected)
    }
}

impl Client {
    /// How it stands; none before it starts to work.
    pub fn standing(&self) -> Option<Standing> {
        self.started.then_some(match self.state {
            Some(ConnectionState::Disconnected) => Standing::Disconnected,
            Some(ConnectionState::Trying) => Standing::Trying,
            _ if self.troubled => Standing::Trying,
            _ if self.logging_on => Standing::LoggingOn,
            _ if self.waiting => Standing::Waiting,
            _ => Standing::Connected,
        })
    }

    /// Takes in its next record.
    pub fn apply(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Started => self.started = true,
            ClientEvent::Asked { request } => {
                self.started = true;
                self.waiting = true;
                self.logging_on |= *request == Request::LogOn;
            }
            ClientEvent::Connected { machine } => self.machine = Some(*machine),
            ClientEvent::Reset { .. } | ClientEvent::GaveUp => {
                self.machine = None;
                self.answered = false;
                self.troubled = true;
            }
            ClientEvent::Refused { .. } => (self.answered, self.troubled) = (false, true),
            ClientEvent::LoggedOn { again } => {
                self.log_ons_again += u32::from(*again);
                self.logging_on = false;
            }
            ClientEvent::LogOnPage => self.logging_on = true,
            ClientEvent::Answered { .. } => {
                self.waiting = false;
                self.answered = true;
                self.troubled = false;
                self.logging_on = false;
            }
            ClientEvent::State(state) => self.state = Some(*state),
            ClientEvent::RestartNeeded => {
                self.restarts += 1;
                self.troubled = true;
            }
            ClientEvent::Retransmitted { .. } | ClientEvent::Connecting { attempt: 2.., .. } => {
                self.troubled = true;
            }
            ClientEvent::Connecting { .. }
            | ClientEvent::TriesAgain
            | ClientEvent::PersonDone
            | ClientEvent::Autodiscovered { .. } => {}
        }
    }
}
