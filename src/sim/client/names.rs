//! A client's resolver: its cache and its questions to the DNS server (exchange.md §4.4).

use super::super::dns::{self, Name};
use super::super::event::Event as Planned;
use super::super::plant::Plant;
use super::{Event, Step, refused, tcp};
use crate::base::{Address, ClientId, Instant};
use crate::journal::RecordNo;
use crate::journal::record::Refused;

/// What is known of a name: its address with the record behind that, or that it does not exist.
type Known = Option<(Address, RecordNo)>;

/// Names that a client has asked for.
#[derive(Default)]
pub(super) struct Names {
    cache: Vec<(Name, Known, Instant)>,
    /// The answer that is on its way.
    coming: Option<dns::Answer>,
}

impl Names {
    /// Memory beside the value itself.
    pub(super) fn heap_bytes(&self) -> usize {
        self.cache.capacity() * size_of::<(Name, Known, Instant)>()
    }

    fn find(&self, at: Instant, name: Name) -> Option<Known> {
        let entry = self.cache.iter().find(|(other, _, until)| *other == name && at < *until);
        entry.map(|(_, known, _)| *known)
    }

    fn keep(&mut self, name: Name, known: Known, until: Instant) {
        self.cache.retain(|(other, ..)| *other != name);
        self.cache.push((name, known, until));
    }
}

/// Looks for the address of the client's server and connects to it.
pub(super) fn look(p: &mut Plant, at: Instant, id: ClientId) {
    let client = p.client_mut(id);
    let (name, network) = (client.name(), client.network);
    match client.names.find(at, name) {
        Some(Some((address, record))) => tcp::connect(p, at, id, address, record),
        Some(None) => refused(p, at, id, Refused::NoName, RecordNo(0)),
        None => {
            let answer = dns::query(p, at, network, name);
            let when = answer.at;
            let client = p.client_mut(id);
            client.names.coming = Some(answer);
            let turn = client.begin(Step::Name);
            p.plan(when, Planned::Client(id, Event::Named { turn }));
        }
    }
}

/// The answer is here, or none came. That a name does not exist is remembered too, silence is not.
pub(super) fn named(p: &mut Plant, at: Instant, id: ClientId) {
    let settings = p.settings().dns;
    let client = p.client_mut(id);
    let name = client.name();
    let Some(answer) = client.names.coming.take() else { return };
    match answer.result {
        Ok((address, life, record)) => {
            let until = at.saturating_add(life.min(settings.max_cache_ttl));
            client.names.keep(name, Some((address, record)), until);
            tcp::connect(p, at, id, address, record);
        }
        Err((why, None)) => {
            let until = at.saturating_add(settings.max_negative_cache_ttl);
            client.names.keep(name, None, until);
            refused(p, at, id, why, RecordNo(0));
        }
        Err((why, Some(because))) => refused(p, at, id, why, because),
    }
}
