//! A run in real time: its stretches are simulated when the clock on the wall has come so far, and
//! its journal grows with them. What is simulated does not know of the clock.

#![expect(clippy::disallowed_types, reason = "the clock on the wall says when, not what")]

use super::args::Run as Arguments;
use super::failure::{Failure, plain};
use crate::base::{Instant, Span};
use crate::journal::binary::Writer;
use crate::journal::stream::{Place, Server, Sink};
use crate::journal::{Header, Origin, Record};
use crate::model::settings::Value as _;
use crate::sim::{Account, Recorded, Recording, Run};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often the journal grows.
const TICK: Duration = Duration::from_millis(50);
/// How long watchers may take for what they have not been sent yet when the run has ended.
const PATIENCE: Duration = Duration::from_secs(2);
/// Simulated and real seconds of the slowest and the fastest pace.
const SLOWEST: Speed = Speed { simulated: 1, real: 1_000 };
const FASTEST: Speed = Speed { simulated: 1_000_000, real: 1 };

/// So many simulated seconds in so many real ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Speed {
    simulated: u64,
    real: u64,
}

/// How a paced run ended.
pub(super) enum Paced {
    /// At its end; everything that it recorded.
    Whole(Box<Recorded>),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// A speed as typed: a number with at most three decimals.
pub(super) fn speed(text: &str) -> Result<Speed, String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| digits(text));
    let thousandths = format!("{decimals:0<3}");
    let sound = digits(decimals) && thousandths.len() == 3;
    let read = number(whole).zip(number(&thousandths).filter(|_| sound));
    let read = read.and_then(|(whole, thousandths)| {
        let simulated = whole.checked_mul(1_000)?.checked_add(thousandths)?;
        let least = SLOWEST.simulated * 1_000 / SLOWEST.real;
        let most = FASTEST.simulated * 1_000 / FASTEST.real;
        (least..=most).contains(&simulated).then_some(Speed { simulated, real: 1_000 })
    });
    read.ok_or_else(|| {
        "expected simulated seconds a second, from 0.001 to 1000000: 1, 10, 0.5".to_owned()
    })
}

/// A place where a journal can be served.
pub(super) fn address(text: &str) -> Result<Place, String> {
    match text.parse()? {
        place @ (Place::Tcp(_) | Place::Unix(_)) => Ok(place),
        Place::File(_) | Place::Stdin => Err("expected tcp:HOST:PORT or unix:PATH".to_owned()),
    }
}

impl Speed {
    /// The simulated time that goes by in a real one.
    fn simulated(self, real: Duration) -> Span {
        let nanos = u64::try_from(real.as_nanos()).unwrap_or(u64::MAX);
        Span::from_nanos(nanos).scaled(self.simulated, self.real)
    }

    /// The real time in which a simulated one goes by.
    fn real(self, simulated: Span) -> Duration {
        Duration::from_nanos(simulated.scaled(self.real, self.simulated).as_nanos())
    }
}

/// Where a growing journal goes.
struct Outputs {
    file: Option<File>,
    sink: Option<Sink>,
}

impl Write for Outputs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        }
        if let Some(sink) = &mut self.sink {
            sink.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.as_mut().map_or(Ok(()), Sink::flush)
    }
}

/// Runs in real time until the scenario ends or Ctrl-C is pressed.
pub(super) fn run(
    args: &Arguments,
    speed: Speed,
    header: &Header,
    until: Instant,
) -> Result<Paced, Failure> {
    let Some(scenario) = &header.scenario else { return Ok(Paced::Interrupted) };
    let Origin::Sim { seed } = header.origin else { return Ok(Paced::Interrupted) };
    let file = args.journal.as_deref().map(create).transpose()?;
    let server = args.listen.as_ref().map(listen).transpose()?;
    let sink = server.as_ref().map(Server::sink);
    let out = BufWriter::with_capacity(1 << 16, Outputs { file, sink });
    let failed = |error: io::Error| {
        let path = args.journal.as_deref().unwrap_or(Path::new(""));
        Failure::Machine(format!("--journal {}: {}", path.display(), plain(&error)))
    };
    let mut writer = Writer::new(out, header).map_err(failed)?;
    let stop = interrupt();
    let mut run = Run::new(&header.topology, scenario, seed, Recording::Memory);
    let begun = std::time::Instant::now();
    let (mut at, mut all): (Instant, Vec<Record>) = (Instant::ZERO, Vec::new());
    let (mut events, mut account) = (0, Account::default());
    while at < until && !stop.load(Ordering::Relaxed) {
        let next = at.saturating_add(speed.simulated(TICK).max(Span::from_nanos(1))).min(until);
        if !sleep_until(begun, speed.real(next.since(Instant::ZERO)), &stop) {
            break;
        }
        let part = run.until(next);
        writer.append(&part.records).and_then(|()| writer.flush()).map_err(failed)?;
        (events, account) = (events + part.events, part.account);
        all.extend(part.records);
        at = next;
    }
    let digest = writer.finish().map_err(failed)?;
    if let Some(server) = server {
        server.end(PATIENCE);
    }
    if at < until {
        let reached = at.since(Instant::ZERO).show();
        super::note(&format!(
            "interrupted at {reached}, digest {digest}; the same until then: --until {reached}"
        ));
        return Ok(Paced::Interrupted);
    }
    let client_bytes = run.client_bytes();
    Ok(Paced::Whole(Box::new(Recorded { records: all, events, account, client_bytes })))
}

/// The file that the journal grows in, under its own name from the beginning.
fn create(path: &Path) -> Result<File, Failure> {
    if path.extension().is_some_and(|ending| ending == "txt") {
        let expected = "expected a name that does not end in .txt: with --pace the journal grows in \
                        its binary form";
        return Err(Failure::Call(format!("--journal {}: {expected}", path.display())));
    }
    File::create(path).map_err(|error| {
        Failure::Machine(format!("--journal {}: {}", path.display(), plain(&error)))
    })
}

/// Listens, and says where.
fn listen(place: &Place) -> Result<Server, Failure> {
    let server = Server::listen(place)
        .map_err(|error| Failure::Machine(format!("--listen {place}: {}", plain(&error))))?;
    super::note(&format!("the journal is served at {}", server.place()));
    Ok(server)
}

/// The first Ctrl-C ends the run at the moment that was reached; the second one ends the program.
fn interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let handled = ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(super::INTERRUPTED);
        }
    });
    if handled.is_err() {
        super::note("Ctrl-C ends the run without the end of its journal");
    }
    stop
}

/// Sleeps until so much time has gone by since a moment; false if it was interrupted.
fn sleep_until(begun: std::time::Instant, due: Duration, stop: &AtomicBool) -> bool {
    loop {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let left = due.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(TICK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_exact() {
        let second = Span::from_secs(1);
        for (text, simulated, real) in
            [("1", 1_000, 1_000), ("10", 10_000, 1_000), ("0.5", 500, 1_000)]
        {
            assert_eq!(speed(text), Ok(Speed { simulated, real }), "{text}");
        }
        let half = speed("0.5").expect("a speed");
        assert_eq!(half.real(second), Duration::from_secs(2));
        assert_eq!(half.simulated(Duration::from_secs(2)), second);
        let third = speed("0.333").expect("a speed");
        assert_eq!(third.simulated(Duration::from_secs(1_000)), Span::from_secs(333));
        for wrong in ["", "0", "-1", "fast", "0.0001", "1000001", "1e3", ".5", "1.", "+1"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_sockets_serve() {
        assert_eq!(address("tcp:127.0.0.1:0"), Ok(Place::Tcp("127.0.0.1:0".to_owned())));
        for wrong in ["run.dagtwin", "-", "tcp:7"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
