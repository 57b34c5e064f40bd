//! Staleness by table. Times in milliseconds; patience 2000, a look every 500.

use super::super::{Error, Record, Standing, Watch};
use super::record;
use std::time::Duration;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn watch() -> Watch {
    Watch::new(1, ms(2000), ms(500)).expect("fits")
}

/// What is expected of a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Is {
    Free,
    Mine,
    Held(u64),
    Stale,
}

/// Does the looks, each (record, begun, answered, what it is).
fn story(name: &str, looks: &[(Record, u64, u64, Is)]) {
    let mut watch = watch();
    for &(found, asked, answered, expected) in looks {
        let is = match watch.look(found, ms(asked), ms(answered)) {
            Standing::Free => Is::Free,
            Standing::Mine => Is::Mine,
            Standing::Held { node, left } => {
                assert_eq!(Some(node), found.owner);
                Is::Held(u64::try_from(left.as_millis()).expect("short"))
            }
            Standing::Stale(stale) => {
                assert_eq!(stale.record(), found);
                Is::Stale
            }
        };
        assert_eq!(is, expected, "{name}, look at {asked}..{answered}");
        assert_eq!(watch.next_look(), Some(ms(asked.max(answered) + 500)));
    }
}

#[test]
fn stories() {
    let (a, b) = (record(Some(2), 5, 10), record(Some(2), 5, 11));
    story(
        "stands still",
        &[
            (a, 100, 100, Is::Held(2000)),
            (a, 600, 600, Is::Held(1500)),
            (a, 1100, 1100, Is::Held(1000)),
            (a, 1600, 1600, Is::Held(500)),
            (a, 2099, 2099, Is::Held(1)),
            (a, 2100, 2100, Is::Stale),
            (a, 2600, 2600, Is::Stale),
            (b, 3100, 3100, Is::Held(2000)),
        ],
    );
    story(
        "moves",
        &[
            (a, 0, 0, Is::Held(2000)),
            (a, 1000, 1000, Is::Held(1000)),
            (b, 1900, 1900, Is::Held(2000)),
            (b, 2400, 2400, Is::Held(1500)),
            // Back to what it was: moved all the same.
            (a, 2900, 2900, Is::Held(2000)),
        ],
    );
    story("one look says nothing, however late", &[(a, 9_000_000, 9_000_000, Is::Held(2000))]);
    story(
        "the observer was frozen, and the owner perhaps with it",
        &[
            (a, 0, 0, Is::Held(2000)),
            (a, 500, 500, Is::Held(1500)),
            (a, 10_000, 10_000, Is::Held(2000)),
            (a, 10_500, 10_500, Is::Held(1500)),
            (a, 11_500, 11_500, Is::Held(500)),
            (a, 12_000, 12_000, Is::Stale),
        ],
    );
    story(
        "a gap of half of the patience is none, and a longer one is",
        &[
            (a, 0, 0, Is::Held(2000)),
            (a, 1000, 1000, Is::Held(1000)),
            (a, 2001, 2001, Is::Held(2000)),
        ],
    );
    story(
        "the observer was frozen during a look",
        &[(a, 0, 0, Is::Held(2000)), (a, 500, 500, Is::Held(1500)), (a, 600, 5000, Is::Held(2000))],
    );
}

#[test]
fn stories_of_slow_looks_and_clocks() {
    let a = record(Some(2), 5, 10);
    story(
        "slow looks count from the end of the first to the beginning of the last",
        &[
            (a, 0, 400, Is::Held(2000)),
            (a, 500, 900, Is::Held(1900)),
            (a, 1000, 1400, Is::Held(1400)),
            (a, 1500, 1900, Is::Held(900)),
            (a, 2000, 2400, Is::Held(400)),
            (a, 2400, 2500, Is::Stale),
        ],
    );
    story(
        "the clock went back",
        &[
            (a, 5000, 5000, Is::Held(2000)),
            (a, 5900, 5900, Is::Held(1100)),
            (a, 5800, 5800, Is::Held(2000)),
            (a, 6000, 5999, Is::Held(2000)),
        ],
    );
}

#[test]
fn what_is_free_or_ones_own_is_never_stale() {
    let (free, mine) = (record(None, 5, 10), record(Some(1), 5, 10));
    let looks = |found, is| (0..9).map(move |n| (found, n * 500, n * 500, is)).collect::<Vec<_>>();
    story("free", &looks(free, Is::Free));
    story("of an earlier life", &looks(mine, Is::Mine));
}

#[test]
fn another_owner_or_epoch_begins_anew() {
    let first = record(Some(2), 5, 10);
    let others = [record(Some(3), 5, 10), record(Some(2), 6, 10), record(Some(2), 5, 9)];
    for other in others {
        story(
            "another",
            &[
                (first, 0, 0, Is::Held(2000)),
                (first, 1000, 1000, Is::Held(1000)),
                (other, 1900, 1900, Is::Held(2000)),
            ],
        );
    }
}

#[test]
fn looks_that_failed_are_a_gap_too() {
    let found = record(Some(2), 5, 10);
    let mut watch = watch();
    watch.look(found, ms(0), ms(0));
    watch.forget();
    assert_eq!(watch.next_look(), None);
    let held = Standing::Held { node: 2, left: ms(2000) };
    assert_eq!(watch.look(found, ms(500), ms(500)), held);
}

#[test]
fn times_that_do_not_fit_are_refused() {
    for (patience, interval) in [(2000, 0), (2000, 501), (0, 0), (0, 1), (3, 1)] {
        let watch = Watch::new(1, ms(patience), ms(interval));
        assert!(matches!(watch, Err(Error::Pace { .. })), "{patience} {interval}");
    }
    assert!(Watch::new(1, ms(4), ms(1)).is_ok());
}
