//! The real thing.

use super::super::{
    Algorithm, Error, Fault, Found, HOST_RECORD_TTL, HostName, Key, Registered, Registrar,
    Registration, Status, Withdrawn,
};
use super::named::Named;
use super::{ONE, OTHER_SECRET, SECRET, THREE, TWO, host, key};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Long, since the machine may be busy; nothing here is to run into it.
const PATIENCE: Duration = Duration::from_secs(20);

fn registrar(named: &Named, key: Key) -> Registrar {
    Registrar::new(named.address, host("example.test"), key, PATIENCE).expect("a registrar")
}

fn casarray() -> HostName {
    host("casarray.example.test")
}

async fn addresses(registrar: &Registrar, name: &HostName) -> Vec<Ipv4Addr> {
    registrar.lookup(name).await.expect("a lookup").addresses
}

#[tokio::test]
async fn registers_looks_up_and_withdraws() {
    let Some(named) = Named::start().await else { return };
    let key = Key::read(&named.file("ddns.key"), None).expect("the key");
    let registrar = registrar(&named, key);
    let name = casarray();
    let nothing = Found { addresses: vec![], ttl: None };
    assert_eq!(registrar.lookup(&name).await.expect("a lookup"), nothing);
    let first = registrar.register(&name, ONE, HOST_RECORD_TTL, None).await;
    assert_eq!(first.expect("registered"), Registered::Changed { before: vec![] });
    let found = registrar.lookup(&name).await.expect("a lookup");
    assert_eq!(found, Found { addresses: vec![ONE], ttl: Some(HOST_RECORD_TTL) });

    let log = named.log();
    let same = registrar.register(&name, ONE, HOST_RECORD_TTL, None).await;
    assert_eq!(same.expect("registered"), Registered::Already);
    assert_eq!(named.log(), log, "no update was sent");

    let moved = registrar.register(&host("CASARRAY.Example.test."), TWO, 60, Some(ONE)).await;
    assert_eq!(moved.expect("registered"), Registered::Changed { before: vec![ONE] });
    let gone = registrar.withdraw(&name, ONE).await.expect("an answer");
    assert_eq!(gone, Withdrawn::NotOurs { addresses: vec![TWO] });
    assert_eq!(registrar.withdraw(&name, TWO).await.expect("an answer"), Withdrawn::Removed);
    assert_eq!(registrar.lookup(&name).await.expect("a lookup"), nothing);
    let gone = registrar.withdraw(&name, TWO).await.expect("an answer");
    assert_eq!(gone, Withdrawn::NotOurs { addresses: vec![] });
}

#[tokio::test]
async fn changes_a_time_to_live_alone() {
    let Some(named) = Named::start().await else { return };
    let registrar = registrar(&named, key("ddns-key", SECRET));
    let name = casarray();
    registrar.register(&name, ONE, 300, None).await.expect("registered");
    // Also for a writer whose knowledge is stale: the address is what it wants.
    for (known, ttl, before) in [(Some(TWO), 60, 300), (None, 0, 60), (Some(ONE), 300, 0)] {
        let changed = registrar.register(&name, ONE, ttl, known).await.expect("an answer");
        assert_eq!(changed, Registered::TtlChanged { before });
        let found = registrar.lookup(&name).await.expect("a lookup");
        assert_eq!(found, Found { addresses: vec![ONE], ttl: Some(ttl) });
    }
}

#[tokio::test]
async fn a_stale_writer_overwrites_nothing() {
    let Some(named) = Named::start().await else { return };
    let registrar = registrar(&named, key("ddns-key", SECRET));
    let name = casarray();
    let stale = registrar.register(&name, TWO, 60, Some(ONE)).await.expect("an answer");
    assert_eq!(stale, Registered::Conflict { addresses: vec![] });
    registrar.register(&name, THREE, 60, None).await.expect("registered");
    let stale = registrar.register(&name, TWO, 60, Some(ONE)).await.expect("an answer");
    assert_eq!(stale, Registered::Conflict { addresses: vec![THREE] });
    let crowd = host("crowd.example.test");
    let known = Ipv4Addr::new(10, 213, 9, 1);
    let stale = registrar.register(&crowd, TWO, 60, Some(known)).await.expect("an answer");
    let Registered::Conflict { addresses } = stale else { panic!("{stale:?}") };
    assert_eq!(addresses.len(), 60, "one of sixty is not just the one");
}

#[tokio::test]
async fn of_two_writers_one_wins() {
    let Some(named) = Named::start().await else { return };
    let first = registrar(&named, key("ddns-key", SECRET));
    let second = Registrar::new(
        named.address,
        host("example.test"),
        Key::new("ddns512-key", Algorithm::HmacSha512, SECRET).expect("a key"),
        PATIENCE,
    )
    .expect("a registrar");
    let name = casarray();
    first.register(&name, ONE, 60, None).await.expect("registered");
    let (mut known, mut wins) = (ONE, [0, 0]);
    for round in 0..30 {
        let of = |writer| Ipv4Addr::new(10, 213, writer, round);
        let (one, two) = tokio::join!(
            first.register(&name, of(2), 60, Some(known)),
            second.register(&name, of(3), 60, Some(known)),
        );
        let (one, two) = (one.expect("an answer"), two.expect("an answer"));
        let first_wins = matches!(one, Registered::Changed { .. });
        let (winner, loser) = if first_wins { (0, two) } else { (1, one) };
        known = of(if winner == 0 { 2 } else { 3 });
        wins[winner] += 1;
        assert_eq!(loser, Registered::Conflict { addresses: vec![known] }, "round {round}");
        assert_eq!(addresses(&first, &name).await, [known]);
    }
    println!("wins: {wins:?}");
}

#[tokio::test]
async fn fetches_a_long_answer_over_tcp_and_replaces_all_of_it() {
    let Some(named) = Named::start().await else { return };
    let registrar = registrar(&named, key("ddns-key", SECRET));
    let crowd = host("crowd.example.test");
    let all: Vec<_> = (1..=60).map(|last| Ipv4Addr::new(10, 213, 9, last)).collect();
    assert_eq!(addresses(&registrar, &crowd).await, all);
    // One of many is ours: the others stay.
    let gone = registrar.withdraw(&crowd, all[0]).await.expect("an answer");
    assert_eq!(gone, Withdrawn::Removed);
    assert_eq!(addresses(&registrar, &crowd).await, all[1..]);
    let set = registrar.register(&crowd, all[1], 60, None).await.expect("an answer");
    assert_eq!(set, Registered::Changed { before: all[1..].to_vec() });
    assert_eq!(addresses(&registrar, &crowd).await, [all[1]]);
}

#[tokio::test]
async fn sends_a_long_request_over_tcp() {
    let Some(named) = Named::start().await else { return };
    let registrar = registrar(&named, key("ddns-key", SECRET));
    let label = "x".repeat(60);
    let name = host(&format!("{label}.{label}.{label}.example.test"));
    let refused = registrar.register(&name, ONE, 60, None).await.expect_err("no grant");
    assert!(matches!(refused, Error::UpdateRefused { .. }), "{refused}");
}

#[tokio::test]
async fn says_how_a_server_refuses() {
    let Some(named) = Named::start().await else { return };
    let ours = registrar(&named, key("ddns-key", SECRET));
    let in_zone = |zone: &str| {
        let key = key("ddns-key", SECRET);
        Registrar::new(named.address, host(zone), key, PATIENCE).expect("a registrar")
    };
    let cases = [
        (&ours, "web.example.test", "refused to update web.example.test: its update-policy"),
        (&ours, "alias.example.test", "is an alias (CNAME) there"),
        (&ours, "host.child.example.test", "does not hold the zone example.test"),
        (&ours, "web.example.org", "is not inside the zone example.test"),
        (
            &registrar(&named, key("other-key", OTHER_SECRET)),
            "casarray.example.test",
            "does not grant key other-key",
        ),
        (&registrar(&named, key("ddns-key", OTHER_SECRET)), "casarray.example.test", "(BADSIG)"),
        (&registrar(&named, key("ddnskey", SECRET)), "casarray.example.test", "(BADKEY)"),
        (&in_zone("test"), "casarray.example.test", "does not hold the zone test;"),
        (&in_zone("other.test"), "casarray.other.test", "refused to look up"),
        (&in_zone("broken.test"), "casarray.broken.test", "failed (SERVFAIL) at zone broken.test"),
    ];
    for (registrar, name, expected) in cases {
        let error = registrar.register(&host(name), ONE, 60, None).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{name}: {error}");
        let fault = if name.ends_with("org") { Fault::Configuration } else { Fault::Refused };
        assert_eq!(error.fault(), fault, "{error}");
    }
    // A known key with another algorithm is an unknown key.
    let key = Key::new("ddns-key", Algorithm::HmacSha384, SECRET).expect("a key");
    let error = registrar(&named, key).lookup(&casarray()).await.expect_err("another algorithm");
    assert!(matches!(error, Error::UnknownKey { .. }), "{error}");
    let wild = host("any.wild.example.test");
    let error = ours.register(&wild, TWO, 60, Some(ONE)).await.expect_err("a wildcard");
    assert!(matches!(error, Error::Unsettled { .. }), "{error}");
}

#[tokio::test]
async fn says_by_how_much_a_clock_is_off() {
    fn clock(offset: i64) -> u64 {
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        now.saturating_add_signed(offset)
    }
    let Some(named) = Named::start().await else { return };
    let base = registrar(&named, key("ddns-key", SECRET));
    let late = base.clone().with_wall_clock(|| clock(-3600));
    let early = base.clone().with_wall_clock(|| clock(1200));
    for (skewed, expected, text) in [(late, 3600, "ahead of ours"), (early, -1200, "behind ours")] {
        let error = skewed.register(&casarray(), ONE, 60, None).await.expect_err("skew");
        let Error::ClockSkew { ahead, .. } = &error else { panic!("{error}") };
        assert!((ahead - expected).abs() <= 30, "{ahead}");
        assert!(error.to_string().contains(text), "{error}");
    }
    let near = base.with_wall_clock(|| clock(-200));
    near.register(&casarray(), ONE, 60, None).await.expect("within the 300 s");
}

#[tokio::test]
async fn a_stopped_server_is_known_at_once_and_tried_again() {
    let Some(mut named) = Named::start().await else { return };
    let registrar = registrar(&named, key("ddns-key", SECRET));
    let mut registration = Registration::new(casarray(), None);
    named.kill();
    let mut now = Duration::ZERO;
    registration.want(now, ONE, HOST_RECORD_TTL);
    for delay in [1, 2] {
        let attempt = registration.begin(now).expect("due");
        let result = registrar.perform(registration.name(), attempt.act).await;
        assert!(matches!(result, Err(Error::NotListening { .. })), "{result:?}");
        registration.end(now, attempt.number, result);
        assert!(matches!(registration.status(), Status::Failing { .. }));
        assert_eq!(registration.deadline(), Some(now + Duration::from_secs(delay)));
        now = registration.deadline().expect("tried again");
    }
    named.restart().await;
    let attempt = registration.begin(now).expect("due");
    let result = registrar.perform(registration.name(), attempt.act).await;
    registration.end(now, attempt.number, result);
    assert_eq!(*registration.status(), Status::Registered);
    named.restart().await;
    assert_eq!(addresses(&registrar, &casarray()).await, [ONE], "kept over a crash");
}

/// Measures; run it by its name with `--release -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures, says nothing about right or wrong"]
async fn measure() {
    const TURNS: u8 = 250;
    let Some(named) = Named::start().await else { return };
    let registrar = registrar(&named, key("ddns-key", SECRET));
    let name = casarray();
    registrar.register(&name, ONE, 60, None).await.expect("registered");
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut known = ONE;
    for turn in 0..TURNS {
        let address = Ipv4Addr::new(10, 213, 2, turn);
        let start = tokio::time::Instant::now();
        registrar.lookup(&name).await.expect("a lookup");
        times[0].push(start.elapsed());
        let start = tokio::time::Instant::now();
        registrar.register(&name, address, 60, Some(known)).await.expect("registered");
        times[1].push(start.elapsed());
        let start = tokio::time::Instant::now();
        registrar.register(&name, address, 60, Some(address)).await.expect("already");
        times[2].push(start.elapsed());
        let start = tokio::time::Instant::now();
        registrar.register(&name, THREE, 60, Some(ONE)).await.expect("conflict");
        times[3].push(start.elapsed());
        known = address;
    }
    let what = ["lookup", "register: lookup and update", "register: already", "conflict"];
    for (what, times) in what.into_iter().zip(&mut times) {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        println!("{what}: p50 {:?} p99 {:?} max {:?}", at(50), at(99), at(100));
    }
}
