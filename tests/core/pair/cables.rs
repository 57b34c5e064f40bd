//! What lies between the cores: adapters, cables, and what is wrong with them; and nodes that
//! stand still.

use super::*;
use dagtwin::base::NicId;
use dagtwin::failover::message::Message;

/// A way over a network: the network, the sender, the receiver.
pub type Way = (usize, usize, usize);

/// Adapters and cables.
#[derive(Default)]
pub struct Cables {
    links: Vec<Vec<bool>>,
    cuts: BTreeSet<Way>,
    /// Of a way every n-th frame is lost.
    pub lossy: BTreeMap<Way, u64>,
    /// Every n-th frame anywhere is lost; zero for none.
    pub drop_every: u64,
    frames: u64,
    on_way: BTreeMap<Way, u64>,
    /// Kinds of messages of which the next one from a node to another is lost.
    pub lost_next: Vec<(String, usize, usize)>,
    /// Kinds of messages of which the next one from a node to another is held back, and those that
    /// are.
    pub hold_next: Vec<(String, usize, usize)>,
    pub held: Vec<(Way, Message)>,
    /// How long a frame takes on a way, where it is not as usual.
    pub slow: BTreeMap<Way, Span>,
    /// Messages of a kind from a node to another since somebody last asked, where anybody does.
    pub sent: BTreeMap<(String, usize, usize), u64>,
    /// Messages that are no heartbeats, by network, since somebody last asked.
    pub messages: Vec<u64>,
}

impl Cables {
    pub fn new(nodes: usize, networks: usize) -> Self {
        let links = vec![vec![true; networks]; nodes];
        Cables { links, messages: vec![0; networks], ..Cables::default() }
    }

    /// Which adapters of a node have carrier.
    pub fn carrier(&self, node: usize) -> Vec<bool> {
        self.links[node].clone()
    }

    /// Whether a node's adapter on a network has carrier.
    pub fn link(&self, node: usize, net: usize) -> bool {
        self.links[node][net]
    }

    /// Cuts or mends one way of a cable.
    pub fn cut(&mut self, way: Way, cut: bool) {
        if cut {
            self.cuts.insert(way);
        } else {
            self.cuts.remove(&way);
        }
    }

    /// Mends every way of every cable.
    pub fn mend_all(&mut self) {
        self.cuts.clear();
    }

    /// Whether a frame gets through.
    pub fn carries(&mut self, way: Way, message: &Message) -> bool {
        let (net, from, to) = way;
        self.frames += 1;
        if let Some(count) = self.sent_of(from, to, message) {
            *count += 1;
        }
        let on_way = self.on_way.entry(way).or_default();
        *on_way += 1;
        self.messages[net] += u64::from(!message.is_heartbeat());
        let dropped = self.drop_every > 0 && self.frames.is_multiple_of(self.drop_every);
        let lost = self.lossy.get(&way).is_some_and(|every| on_way.is_multiple_of(*every));
        self.links[from][net]
            && self.links[to][net]
            && !self.cuts.contains(&way)
            && !dropped
            && !lost
            && !self.loses_next(way, message)
            && !self.holds_next(way, message)
    }

    fn holds_next(&mut self, way: Way, message: &Message) -> bool {
        let held = take(&mut self.hold_next, way, message);
        if held {
            self.held.push((way, message.clone()));
        }
        held
    }

    fn sent_of(&mut self, from: usize, to: usize, message: &Message) -> Option<&mut u64> {
        let asked = !self.sent.is_empty();
        asked.then(|| kind(message)).and_then(|kind| self.sent.get_mut(&(kind, from, to)))
    }

    fn loses_next(&mut self, way: Way, message: &Message) -> bool {
        take(&mut self.lost_next, way, message)
    }

    /// How long a frame takes.
    pub fn takes(&self, way: Way) -> Span {
        self.slow.get(&way).copied().unwrap_or(Span::from_micros(100))
    }
}

/// The first word of what is written. Whatever follows is refused, so that it costs nothing.
#[derive(Default)]
struct FirstWord(String);

impl std::fmt::Write for FirstWord {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let word = text.split([' ', '(']).next().unwrap_or_default();
        self.0 += word;
        if word.len() < text.len() { Err(std::fmt::Error) } else { Ok(()) }
    }
}

/// Whether a message is one of those that are waited for; that one is not any more.
fn take(waited: &mut Vec<(String, usize, usize)>, way: Way, message: &Message) -> bool {
    if waited.is_empty() {
        return false;
    }
    let this = (kind(message), way.1, way.2);
    let place = waited.iter().position(|next| *next == this);
    place.map(|place| waited.remove(place)).is_some()
}

/// The name of a message's kind, as in its declaration.
fn kind(message: &Message) -> String {
    let mut first = FirstWord::default();
    // It ends with an error by design.
    let _ = std::fmt::write(&mut first, format_args!("{message:?}"));
    first.0
}

impl Pair {
    /// What was held back comes now.
    pub fn deliver_held(&mut self) {
        for ((net, from, to), message) in std::mem::take(&mut self.cables.held) {
            let input = Input::Frame { nic: NicId::at(net), from: NodeId::at(from), message };
            self.feed(to, input);
        }
    }

    /// Pulls or plugs every adapter of a node at once.
    pub fn all_links(&mut self, node: usize, up: bool) {
        self.cables.links[node].fill(up);
        for net in 0..self.setting.networks {
            self.link(node, net, up);
        }
    }

    /// Pulls or plugs an adapter; the resource on it signals its own failure.
    pub fn link(&mut self, node: usize, net: usize, up: bool) {
        self.cables.links[node][net] = up;
        let nic = NicId::at(net);
        self.feed(node, Input::Link { nic, up });
        let online = |(on, _): &(usize, u16), here: &bool| *on == node && *here;
        let here: Vec<u16> =
            self.online.iter().filter(|(k, v)| online(k, v)).map(|((_, r), _)| *r).collect();
        for resource in here.into_iter().map(ResourceId) {
            if net == 0 && !up && self.is_address(resource) {
                let failure = Failure::InterfaceDown;
                self.feed(node, Input::Saw(Report::ResourceFailed { resource, failure }));
            }
        }
    }

    /// Cuts or mends the cable between two nodes on one network, both ways.
    pub fn cut(&mut self, net: usize, a: usize, b: usize, cut: bool) {
        self.cables.cut((net, a, b), cut);
        self.cables.cut((net, b, a), cut);
    }

    /// A node stands still, as a virtual machine that is paused: nothing reaches it and its clock
    /// stops for it; then it goes on as if nothing had happened.
    pub fn freeze(&mut self, node: usize, lasts: Span) {
        self.frozen[node] = true;
        self.plan(lasts, Event::Thaw { node });
    }

    /// An input comes to a node: what was asked for waits until it goes on, frames do not.
    pub(super) fn deliver(&mut self, node: usize, life: u32, input: Input) {
        if !self.frozen[node] {
            self.feed(node, input);
        } else if !matches!(input, Input::Frame { .. }) {
            self.postponed.push((node, life, input));
        }
    }

    pub(super) fn thaw(&mut self, node: usize) {
        if !std::mem::replace(&mut self.frozen[node], false) {
            return;
        }
        for (to, life, input) in std::mem::take(&mut self.postponed) {
            self.plan(Span::ZERO, Event::Feed { node: to, life, input });
        }
        self.feed(node, Input::Wake);
    }
}
