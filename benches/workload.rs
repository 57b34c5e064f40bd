//! The plain loop that the simulator is measured against: two servers with heartbeats, a witness,
//! clients that think, ask over a link, wait in a queue and are answered; half-way one server
//! dies and its clients time out and go to the other. No world, no journal, no core: structs, a
//! queue and a match. It runs over two queues, which must process the same events in the same
//! order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

const MICROSECOND: u64 = 1_000;
const SECOND: u64 = 1_000_000_000;
const LINK: u64 = 100 * MICROSECOND;
const SERVICE: u64 = 1_700 * MICROSECOND;
const THINK: u64 = 20 * SECOND;
const TIME_OUT: u64 = 5 * SECOND;

/// What happens in the plain loop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Beat { server: u8 },
    Heard { server: u8 },
    Ask { client: u32 },
    Arrive { client: u32, request: u32, server: u8 },
    Served { client: u32, request: u32, server: u8 },
    Answer { client: u32, request: u32 },
    TimedOut { client: u32, request: u32 },
    Die { server: u8 },
}

/// A queue in the exact order (moment, insertion number).
pub(crate) trait Queue {
    fn push(&mut self, at: u64, event: Packed);
    fn pop(&mut self) -> Option<(u64, Packed)>;
}

/// An event as a queue carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Packed(Event);

/// The standard library's heap.
#[derive(Default)]
pub(crate) struct Heap {
    heap: BinaryHeap<Reverse<(u64, u64, Packed)>>,
    number: u64,
}

impl Queue for Heap {
    fn push(&mut self, at: u64, event: Packed) {
        self.heap.push(Reverse((at, self.number, event)));
        self.number += 1;
    }
    fn pop(&mut self) -> Option<(u64, Packed)> {
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}

const TICK_BITS: u32 = 16;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const LEVELS: usize = 8;

/// A hierarchical timing wheel that keeps the order of the heap exactly. Written apart from the
/// simulator's, so that a slower queue there shows here.
pub(crate) struct Wheel {
    tick: u64,
    number: u64,
    /// Entries of the present tick, the next one last.
    present: Vec<(u64, u64, Packed)>,
    slots: Vec<Vec<(u64, u64, Packed)>>,
    occupied: [u64; LEVELS],
}

impl Default for Wheel {
    fn default() -> Self {
        let slots = (0..LEVELS * SLOTS).map(|_| Vec::new()).collect();
        Wheel { tick: 0, number: 0, present: Vec::new(), slots, occupied: [0; LEVELS] }
    }
}

impl Wheel {
    fn place(&mut self, entry: (u64, u64, Packed)) {
        let tick = entry.0 >> TICK_BITS;
        if tick <= self.tick {
            let key = (entry.0, entry.1);
            let here = self.present.partition_point(|other| (other.0, other.1) > key);
            self.present.insert(here, entry);
            return;
        }
        let level = (63 - (tick ^ self.tick).leading_zeros()) / SLOT_BITS;
        let slot = (tick >> (SLOT_BITS * level)) as usize & (SLOTS - 1);
        self.occupied[level as usize] |= 1 << slot;
        self.slots[level as usize * SLOTS + slot].push(entry);
    }

    fn advance(&mut self) -> bool {
        let Some(level) = (0..LEVELS).find(|level| self.occupied[*level] != 0) else {
            return false;
        };
        let slot = self.occupied[level].trailing_zeros() as usize;
        self.occupied[level] &= self.occupied[level] - 1;
        let shift = SLOT_BITS * level as u32;
        let above = self.tick >> (shift + SLOT_BITS) << SLOT_BITS;
        self.tick = (above | slot as u64) << shift;
        let mut entries = std::mem::take(&mut self.slots[level * SLOTS + slot]);
        if level == 0 {
            entries.sort_unstable_by_key(|entry| Reverse((entry.0, entry.1)));
            self.present.append(&mut entries);
        } else {
            entries.drain(..).for_each(|entry| self.place(entry));
        }
        self.slots[level * SLOTS + slot] = entries;
        true
    }
}

impl Queue for Wheel {
    fn push(&mut self, at: u64, event: Packed) {
        let number = self.number;
        self.number += 1;
        self.place((at, number, event));
    }
    fn pop(&mut self) -> Option<(u64, Packed)> {
        loop {
            if let Some((at, _, event)) = self.present.pop() {
                return Some((at, event));
            }
            if !self.advance() {
                return None;
            }
        }
    }
}

struct Server {
    alive: bool,
    free_at: u64,
    heard: u64,
}

struct Client {
    draws: u64,
    request: u32,
    server: u8,
    answered: u32,
}

/// What a run of the plain loop did; equal for both queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    /// Events taken from the queue.
    pub(crate) events: u64,
    /// Requests answered.
    pub(crate) answered: u64,
    /// A sum over the moments and clients of all answers, in their order.
    pub(crate) fold: u64,
}

struct Site<Q> {
    queue: Q,
    servers: [Server; 2],
    clients: Vec<Client>,
    fold: u64,
}

fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Runs the plain loop for so many clients and simulated seconds.
pub(crate) fn run<Q: Queue>(queue: Q, clients: u32, seconds: u64) -> Counts {
    let server = |_| Server { alive: true, free_at: 0, heard: 0 };
    let client = |n| Client { draws: n as u64, request: 0, server: (n % 2) as u8, answered: 0 };
    let mut site = Site {
        queue,
        servers: [0, 1].map(server),
        clients: (0..clients as usize).map(client).collect(),
        fold: 0,
    };
    for server in 0..2 {
        site.queue.push(0, Packed(Event::Beat { server }));
    }
    for client in 0..clients {
        let at = draw(&mut site.clients[client as usize].draws) % THINK;
        site.queue.push(at, Packed(Event::Ask { client }));
    }
    site.queue.push(seconds / 2 * SECOND, Packed(Event::Die { server: 0 }));
    let mut events = 0;
    while let Some((at, Packed(event))) = site.queue.pop() {
        if at > seconds * SECOND {
            break;
        }
        events += 1;
        site.handle(at, event);
    }
    let answered = site.clients.iter().map(|client| u64::from(client.answered)).sum();
    Counts { events, answered, fold: site.fold }
}

impl<Q: Queue> Site<Q> {
    fn plan(&mut self, at: u64, event: Event) {
        self.queue.push(at, Packed(event));
    }

    fn handle(&mut self, at: u64, event: Event) {
        match event {
            Event::Beat { server } => {
                if self.servers[usize::from(server)].alive {
                    self.plan(at + LINK, Event::Heard { server: 1 - server });
                    self.plan(at + SECOND, Event::Beat { server });
                }
            }
            Event::Heard { server } => self.servers[usize::from(server)].heard = at,
            Event::Die { server } => self.servers[usize::from(server)].alive = false,
            Event::Ask { client } => self.ask(at, client),
            Event::Arrive { client, request, server } => {
                let target = &mut self.servers[usize::from(server)];
                if target.alive {
                    target.free_at = target.free_at.max(at) + SERVICE;
                    let done = target.free_at;
                    self.plan(done, Event::Served { client, request, server });
                }
            }
            Event::Served { client, request, server } => {
                if self.servers[usize::from(server)].alive {
                    self.plan(at + LINK, Event::Answer { client, request });
                }
            }
            Event::Answer { client, request } => {
                let asker = &mut self.clients[client as usize];
                if asker.request == request {
                    asker.request += 1;
                    asker.answered += 1;
                    let think = draw(&mut asker.draws) % (2 * THINK);
                    self.fold = self.fold.rotate_left(5) ^ at ^ u64::from(client);
                    self.plan(at + think, Event::Ask { client });
                }
            }
            Event::TimedOut { client, request } => {
                let asker = &mut self.clients[client as usize];
                if asker.request == request {
                    asker.request += 1;
                    asker.server = 1 - asker.server;
                    self.ask(at, client);
                }
            }
        }
    }

    fn ask(&mut self, at: u64, client: u32) {
        let Client { request, server, .. } = self.clients[client as usize];
        self.plan(at + LINK, Event::Arrive { client, request, server });
        self.plan(at + TIME_OUT, Event::TimedOut { client, request });
    }
}
