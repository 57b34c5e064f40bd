use super::*;
use std::net::Ipv4Addr;

const PORT: Thing = Thing::Port(5432);
const ADDRESS: Thing = Thing::Address(Ipv4Addr::new(10, 0, 0, 9));

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn policy(spoil: impl Fn(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    spoil(&mut policy);
    policy
}

/// A lease that holds a port since moment 1000.
fn holding() -> Lease {
    let mut lease = Lease::new(Policy::default()).unwrap();
    lease.ask(PORT);
    assert_eq!(lease.turn(ms(1000), ms(1000)), Turn::Renew);
    lease.renewed(ms(1000));
    lease
}

#[test]
fn the_default_leaves_180_ms() {
    assert_eq!(Policy::default().check().unwrap(), ms(180));
}

#[test]
fn lengths_that_do_not_go_together() {
    type Spoil = fn(&mut Policy);
    let table: &[(Spoil, &str)] = &[
        (|p| p.peer_wait = ms(1820), "0ns too long"),
        (|p| p.peer_wait = ms(1810), "10ms too long"),
        (|p| p.length = ms(1700), "20ms too long"),
        (|p| p.age = ms(500), "20ms too long"),
        (|p| p.clock_error = ms(250), "50ms too long"),
        (|p| p.interval = ms(701), "at most half"),
        (|p| p.interval = ms(0), "more than 0"),
        (|p| p.send = ms(0), "more than 0"),
        (|p| p.send = ms(300), "less than age"),
        (|p| p.length += Duration::from_micros(1), "whole milliseconds"),
    ];
    for (spoil, part) in table {
        let said = policy(spoil).check().unwrap_err().to_string();
        assert!(said.contains(part), "{said} does not tell of {part}");
        assert!(Lease::new(policy(spoil)).is_err());
    }
    policy(|p| p.peer_wait = ms(1821)).check().unwrap();
    policy(|p| p.interval = ms(700)).check().unwrap();
}

#[test]
fn an_address_outlives_its_lease_by_less_than_a_renewal_and_a_second() {
    for (length, interval, seconds) in [
        (1500, 250, 2),
        (1700, 250, 2),
        (1740, 250, 3),
        (2000, 250, 3),
        (500, 100, 1),
        (960, 30, 2),
    ] {
        let policy = policy(|p| (p.length, p.interval) = (ms(length), ms(interval)));
        assert_eq!(policy.valid_lft(), seconds, "{length} {interval}");
        let ends = Duration::from_secs(u64::from(seconds)) - ADDRESS_EARLY;
        assert!(ends >= policy.length + policy.interval, "{length} {interval}");
    }
}

#[test]
fn renewals_are_due_after_the_interval() {
    let mut lease = holding();
    assert_eq!(lease.turn(ms(1100), ms(1100)), Turn::NotDue { at: ms(1250) });
    assert_eq!(lease.turn(ms(1249), ms(1249)), Turn::NotDue { at: ms(1250) });
    assert_eq!(lease.turn(ms(1250), ms(1250)), Turn::Renew);
    // Until it is told that it was renewed, it stays due.
    assert_eq!(lease.turn(ms(1260), ms(1260)), Turn::Renew);
    // What is asked for is granted without waiting.
    lease.renewed(ms(1260));
    lease.ask(ADDRESS);
    assert_eq!(lease.turn(ms(1270), ms(1270)), Turn::Renew);
    assert_eq!(lease.held().collect::<Vec<_>>(), [PORT]);
    assert_eq!(lease.asked().collect::<Vec<_>>(), [ADDRESS]);
    lease.renewed(ms(1270));
    assert_eq!(lease.held().collect::<Vec<_>>(), [ADDRESS, PORT]);
    // Asking again for what is held changes nothing.
    lease.ask(ADDRESS);
    assert_eq!(lease.turn(ms(1280), ms(1280)), Turn::NotDue { at: ms(1520) });
}

#[test]
fn old_knowledge_renews_nothing() {
    let mut lease = holding();
    assert_eq!(lease.turn(ms(1300), ms(1050)), Turn::Renew);
    let stale = Turn::Stale { age: ms(251), limit: ms(250) };
    assert_eq!(lease.turn(ms(1300), ms(1049)), stale);
    // From the future.
    let stale = Turn::Stale { age: Duration::MAX, limit: ms(250) };
    assert_eq!(lease.turn(ms(1300), ms(1301)), stale);
    // It is still held: fresh knowledge in time goes on with it.
    assert_eq!(lease.turn(ms(1400), ms(1390)), Turn::Renew);
    // For what is asked for it holds as well.
    let mut fresh = Lease::new(Policy::default()).unwrap();
    fresh.ask(PORT);
    assert!(matches!(fresh.turn(ms(1300), ms(1000)), Turn::Stale { .. }));
}

#[test]
fn a_long_turn_ends_everything() {
    let mut lease = holding();
    assert!(matches!(lease.turn(ms(1750), ms(1750)), Turn::Renew));
    let why = Why::TurnTooLong { took: ms(751), limit: ms(750) };
    assert_eq!(lease.turn(ms(2501), ms(2501)), Turn::Withdraw(why));
    // And it stays so, however good the knowledge, until it is asked for anew.
    assert_eq!(lease.turn(ms(2502), ms(2502)), Turn::Idle);
    lease.ask(PORT);
    assert_eq!(lease.turn(ms(2503), ms(2503)), Turn::Renew);
    assert_eq!(lease.held().count(), 0);
}

#[test]
fn a_long_turn_is_noticed_by_those_who_hold_nothing() {
    let mut lease = Lease::new(Policy::default()).unwrap();
    assert_eq!(lease.turn(ms(1000), ms(1000)), Turn::Idle);
    // Asked for before the freeze, on knowledge of before.
    lease.ask(PORT);
    assert!(matches!(lease.turn(ms(9000), ms(9000)), Turn::Withdraw(_)));
    assert_eq!(lease.turn(ms(9001), ms(9001)), Turn::Idle);
}

#[test]
fn a_clock_that_goes_back_ends_everything() {
    let mut lease = holding();
    let why = Why::ClockWentBack { by: ms(1) };
    assert_eq!(lease.turn(ms(999), ms(999)), Turn::Withdraw(why));
    assert_eq!(lease.turn(ms(999), ms(999)), Turn::Idle);
}

#[test]
fn what_has_lapsed_or_is_released_is_not_held() {
    let mut lease = holding();
    lease.ask(ADDRESS);
    lease.renewed(ms(1001));
    lease.release(PORT);
    assert_eq!(lease.held().collect::<Vec<_>>(), [ADDRESS]);
    assert_eq!(lease.lapsed(ADDRESS), Turn::Withdraw(Why::Lapsed(ADDRESS)));
    assert_eq!(lease.turn(ms(1002), ms(1002)), Turn::Idle);
}

/// Whatever the turns and the knowledge: what the kernel was told to hold ends before the peer
/// takes over, if the peer waits from the last moment at which this node was known to be there.
#[test]
fn no_lease_reaches_into_the_peers_time() {
    let policy = Policy::default();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut renewals = 0;
    for _ in 0..200 {
        let mut lease = Lease::new(policy).unwrap();
        let (mut now, mut known) = (ms(1000), ms(1000));
        for _ in 0..200 {
            now += ms(if random(20) == 0 { random(3000) } else { random(120) });
            if random(3) != 0 {
                known = now.saturating_sub(ms(random(400)));
            }
            lease.ask(PORT);
            if lease.turn(now, known) == Turn::Renew {
                // The kernel may be that late and not later; its timer and the peer's may differ.
                let ends = now + policy.send + policy.length + policy.clock_error;
                assert!(ends < known + policy.peer_wait);
                lease.renewed(now);
                renewals += 1;
            }
        }
    }
    assert!(renewals > 1000, "{renewals}");
}
