//! Figures, not judged: `cargo test --release -- --ignored --exact witness::tests::measure::all
//! --nocapture` (one level more once it is moved).

use super::super::{Place, Witness};
use super::samba::Samba;
use super::{ENOUGH, Scratch, claim, run};
use std::time::Duration;
use tokio::time::Instant;

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (least, most) = (times[0], times[times.len() - 1]);
    let n = times.len();
    println!("{name:34} median {:>10.3?} [{least:.3?}..{most:.3?}] n={n}", times[n / 2]);
}

async fn operations(name: &str, witness: &mut Witness) {
    witness.prepare(ENOUGH).await.expect("prepared");
    let (mut claims, mut renewals, mut looks, mut releases) = (vec![], vec![], vec![], vec![]);
    for epoch in 1..=200 {
        let begin = Instant::now();
        witness.claim(claim(1, epoch, epoch), ENOUGH).await.expect("claimed");
        claims.push(begin.elapsed());
        let begin = Instant::now();
        witness.renew(1, epoch, ENOUGH).await.expect("renewed");
        renewals.push(begin.elapsed());
        let begin = Instant::now();
        witness.read(ENOUGH).await.expect("read");
        looks.push(begin.elapsed());
        let begin = Instant::now();
        witness.release(1, epoch, ENOUGH).await.expect("released");
        releases.push(begin.elapsed());
    }
    report(&format!("{name}: claim"), claims);
    report(&format!("{name}: renew"), renewals);
    report(&format!("{name}: read"), looks);
    report(&format!("{name}: release"), releases);
}

#[test]
#[ignore = "measures"]
fn all() {
    let scratch = Scratch::new();
    let mut directory = Witness::new(Place::Directory(scratch.0.clone())).expect("a thread");
    run(operations("directory", &mut directory));
    let Some(samba) = Samba::start() else { return };
    run(operations("share, kept session", &mut samba.witness()));
    run(async {
        let mut times = Vec::new();
        for _ in 0..100 {
            let mut witness = samba.witness();
            let begin = Instant::now();
            witness.read(ENOUGH).await.expect("read");
            times.push(begin.elapsed());
        }
        report("share: connect, sign in and read", times);
    });
}
