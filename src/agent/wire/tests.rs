use super::*;

const MAPI: NetId = NetId(0);
const REPLICATION: NetId = NetId(1);
const EX01: NodeId = NodeId(0);
const EX02: NodeId = NodeId(1);
const NOW: Instant = Instant::from_nanos(1_000);
const BINDING: Binding =
    Binding { stamp: NOW, echo: Instant::from_nanos(900), bound: Span::from_nanos(50) };

fn key(byte: u8) -> Key {
    Key::new(&[byte; 32]).expect("a key")
}

fn wire(me: NodeId, life: u64) -> Wire {
    Wire::new(me, Instant::from_nanos(life), 7, key(1), 2)
}

fn says(sequence: u32) -> Message {
    Message::Reply { sequence }
}

/// What a member hears of a message, after greetings have gone to and fro as often as it takes.
fn told(from: &mut Wire, to: &mut Wire, message: &Message) -> Option<Message> {
    for _ in 0..3 {
        let bytes = from.seal((to.me, MAPI), BINDING, None, message).expect("short enough");
        match to.open(MAPI, NOW, &bytes) {
            Opened::Message { message, .. } => return Some(message),
            Opened::Greeted { answer, .. } => drop(from.open(MAPI, NOW, &answer)),
            Opened::Known { .. } => {}
            Opened::Dropped(why) => panic!("{why:?}"),
        }
    }
    None
}

/// Two members that know each other.
fn pair() -> (Wire, Wire) {
    let (mut one, mut other) = (wire(EX01, 100), wire(EX02, 200));
    assert_eq!(told(&mut one, &mut other, &says(1)), Some(says(1)));
    assert_eq!(told(&mut other, &mut one, &says(1)), Some(says(1)));
    (one, other)
}

#[test]
fn the_newest_heartbeat_of_a_path_follows_its_greeting() {
    let (mut one, mut other) = (wire(EX01, 100), wire(EX02, 200));
    let own = Message::Join { clear_quarantine: false };
    let mut greeting = Vec::new();
    for (network, record, message) in
        [(MAPI, 1, says(1)), (REPLICATION, 2, says(2)), (MAPI, 3, says(3)), (MAPI, 4, own)]
    {
        let bytes = one.seal((EX02, network), BINDING, Some(RecordNo(record)), &message);
        greeting = bytes.expect("short enough");
    }
    assert_eq!(one.take_held(EX01, NOW), [], "nobody else's");
    let Opened::Greeted { answer, .. } = other.open(MAPI, NOW, &greeting) else {
        panic!("it does not know the other's life")
    };
    assert_eq!(other.take_held(EX01, NOW), [], "it had nothing to say");
    assert!(matches!(one.open(MAPI, NOW, &answer), Opened::Known { from: EX02, .. }));
    let held = one.take_held(EX02, NOW);
    let expected = [(MAPI, Some(RecordNo(3)), says(3)), (REPLICATION, Some(RecordNo(2)), says(2))];
    assert_eq!(held, expected);
    for (network, record, message) in held {
        let bytes = one.seal((EX02, network), BINDING, record, &message).expect("short enough");
        let opened = other.open(network, NOW, &bytes);
        assert!(matches!(opened, Opened::Message { message: came, .. } if came == message));
    }
    assert_eq!(one.take_held(EX02, NOW), [], "once");
}

#[test]
fn an_old_heartbeat_and_one_of_an_ended_life_are_not_sent_late() {
    let later = Instant::from_nanos(NOW.as_nanos() + 1);
    let mut one = wire(EX01, 100);
    let greets = |one: &mut Wire| drop(one.seal((EX02, MAPI), BINDING, None, &says(1)));
    greets(&mut one);
    assert_eq!(one.take_held(EX02, later), [], "it is of before");
    assert_eq!(one.take_held(EX02, NOW), [], "and gone");
    greets(&mut one);
    one.fall_silent();
    assert_eq!(one.take_held(EX02, NOW), []);
}

fn dropped(wire: &mut Wire, bytes: &[u8]) -> Option<Dropped> {
    match wire.open(MAPI, NOW, bytes) {
        Opened::Dropped(why) => Some(why),
        Opened::Message { .. } | Opened::Greeted { .. } | Opened::Known { .. } => None,
    }
}

#[test]
fn a_message_comes_with_its_sender_and_the_record_of_its_sending() {
    let (mut one, mut other) = pair();
    let end = LogEnd { database: DbId(1), timeline: 7, end: 1 << 40 };
    one.publish(vec![end]);
    let bytes =
        one.seal((EX02, MAPI), BINDING, Some(RecordNo(42)), &says(9)).expect("short enough");
    let (record, binding, life) = (Some(RecordNo(42)), BINDING, Instant::from_nanos(100));
    let expected =
        Opened::Message { from: EX01, record, life, binding, logs: vec![end], message: says(9) };
    assert_eq!(other.open(MAPI, NOW, &bytes), expected);
}

#[test]
fn what_was_changed_or_cut_anywhere_is_dropped() {
    let (mut one, mut other) = pair();
    let bytes = one.seal((EX02, MAPI), BINDING, None, &says(9)).expect("short enough");
    for length in 0..bytes.len() {
        assert!(dropped(&mut other, &bytes[..length]).is_some(), "{length} bytes");
    }
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(dropped(&mut other, &changed).is_some(), "bit {bit}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(dropped(&mut other, &longer), Some(Dropped::Unauthenticated));
    assert_eq!(dropped(&mut other, &bytes), None, "as it was sent it is taken");
    let counted: u64 = other.dropped().map(|(_, count)| count).sum();
    assert_eq!(counted, bytes.len() as u64 * 9 + 1);
}

#[test]
fn each_reason_to_drop_is_told_apart() {
    let (mut one, mut other) = pair();
    let bytes = one.seal((EX02, MAPI), BINDING, None, &says(9)).expect("short enough");
    let resigned = |change: fn(&mut Vec<u8>)| {
        let mut bytes = bytes[..bytes.len() - CODE].to_vec();
        change(&mut bytes);
        one.signed(bytes)
    };
    let another_key = Wire { key: key(2), ..wire(EX01, 100) }.signed(bytes[..90].to_vec());
    for (why, bytes) in [
        (Dropped::Foreign, resigned(|bytes| bytes[0] = b'D')),
        (Dropped::Version, resigned(|bytes| bytes[4] = VERSION + 1)),
        (Dropped::Unauthenticated, another_key),
        (Dropped::NotForUs, resigned(|bytes| bytes[7] = 0)),
        (Dropped::NotForUs, resigned(|bytes| bytes[6] = 1)),
        (Dropped::NotForUs, resigned(|bytes| bytes[6] = 9)),
        (Dropped::OtherSite, resigned(|bytes| bytes[10] = 8)),
        (Dropped::OldLife, resigned(|bytes| bytes[18] = 99)),
        (Dropped::Malformed, resigned(|bytes| bytes.truncate(HEAD))),
    ] {
        assert_eq!(dropped(&mut other, &bytes), Some(why));
    }
    let elsewhere = one.seal((EX02, MAPI), BINDING, None, &says(9)).expect("short enough");
    assert_eq!(other.open(REPLICATION, NOW, &elsewhere), Opened::Dropped(Dropped::WrongNetwork));
}

#[test]
fn nothing_is_taken_twice_and_a_little_disorder_is_none() {
    let (mut one, mut other) = pair();
    let all: Vec<Vec<u8>> = (0..300)
        .map(|number| one.seal((EX02, MAPI), BINDING, None, &says(number)).expect("short enough"))
        .collect();
    for (swapped, expected) in [(120, None), (0, None), (119, None), (119, Some(Dropped::Replayed))]
    {
        assert_eq!(dropped(&mut other, &all[swapped]), expected, "number {swapped}");
    }
    assert_eq!(dropped(&mut other, &all[299]), None);
    assert_eq!(dropped(&mut other, &all[299 - 127]), None, "the oldest that is still known");
    assert_eq!(dropped(&mut other, &all[299 - 128]), Some(Dropped::Replayed), "too far behind");
}

#[test]
fn what_was_recorded_before_a_life_began_says_nothing_to_it() {
    let (mut one, mut other) = pair();
    let recorded = one.seal((EX02, MAPI), BINDING, None, &says(9)).expect("short enough");
    // The receiver's service begins anew: it knows nobody, and the old datagram is not for it.
    let mut anew = wire(EX02, 300);
    assert!(matches!(anew.open(MAPI, NOW, &recorded), Opened::Greeted { from: EX01, .. }));
    assert!(matches!(anew.open(MAPI, NOW, &recorded), Opened::Greeted { from: EX01, .. }));
    assert_eq!(told(&mut one, &mut anew, &says(10)), Some(says(10)));
    // So does the sender's: what its earlier life sent is over.
    let mut one_anew = wire(EX01, 400);
    assert_eq!(told(&mut one_anew, &mut other, &says(11)), Some(says(11)));
    assert_eq!(dropped(&mut other, &recorded), Some(Dropped::OldLife));
}

#[test]
fn greetings_end() {
    let (mut one, mut other) = (wire(EX01, 100), wire(EX02, 200));
    let mut bytes = one.seal((EX02, MAPI), BINDING, None, &says(1)).expect("short enough");
    let mut sent = 1;
    let mut to_other = true;
    while let Opened::Greeted { answer, .. } =
        if to_other { other.open(MAPI, NOW, &bytes) } else { one.open(MAPI, NOW, &bytes) }
    {
        bytes = answer;
        to_other = !to_other;
        sent += 1;
        assert!(sent < 4, "they greet each other without end");
    }
    assert_eq!(sent, 2);
}

#[test]
fn a_short_key_is_refused_and_no_key_is_shown() {
    let error = Key::new(&[1; 31]).expect_err("too short");
    assert_eq!(error, "a key of 31 bytes; expected at least 32");
    assert_eq!(format!("{:?}", key(1)), "Key");
}

#[test]
fn a_message_that_fits_no_datagram_is_not_sent() {
    let (mut one, _) = pair();
    let lives = vec![Instant::MAX; 10_000];
    let message = Message::View {
        view: 1,
        members: Default::default(),
        lives,
        new: Default::default(),
        database: Box::default(),
    };
    assert_eq!(one.seal((EX02, MAPI), BINDING, None, &message), None);
}
