//! What children write: told line by line, bounded in length and rate, and the last lines of
//! standard error kept for the case of failure.

use super::{Action, Line, Notice, Stream, Teller};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longest line that is told, in bytes; the rest of it is dropped (assumed).
const LINE: usize = 1000;
/// How many lines of standard error are kept (assumed).
const KEPT: usize = 20;
/// Lines told per second of one program, and at once (assumed).
const RATE: u32 = 100;
/// How much of standard output is kept where it is an answer (assumed; IPaddr2's meta-data is
/// 15 kB).
const ANSWER: usize = 1 << 20;
/// Most often that a resource is told to be at work. Well below the smallest sensible
/// PendingTimeout (assumed).
const AT_WORK: Duration = Duration::from_secs(1);
/// Longest wait for what a program left in its pipes (assumed; it is there, so only a busy machine
/// takes long).
const DRAIN: Duration = Duration::from_secs(2);
/// Most that is read of a pipe after its program's end: the largest that a pipe can be without
/// privilege (pipe(7)).
const PIPE: usize = 1 << 20;
/// How long a flooding program is not read from: it then waits in its `write` (assumed).
const PAUSE: Duration = Duration::from_millis(10);

/// Where the output of one program goes.
pub(super) struct Sink {
    teller: Teller,
    action: Action,
    /// Set while the resource is pending: its output then says that it is at work.
    pending: Arc<AtomicBool>,
    /// Whether standard output is an answer, which is kept and not told.
    answers: bool,
    state: Mutex<State>,
}

struct State {
    /// Last lines of standard error.
    last: VecDeque<String>,
    answer: Vec<u8>,
    /// Lines that may be told in this second.
    budget: u32,
    second: Instant,
    left_out: u64,
    at_work: Option<Instant>,
}

impl Sink {
    pub(super) fn new(
        teller: Teller,
        action: Action,
        pending: Arc<AtomicBool>,
        answers: bool,
    ) -> Self {
        let state = State {
            last: VecDeque::new(),
            answer: Vec::new(),
            budget: RATE,
            second: Instant::now(),
            left_out: 0,
            at_work: None,
        };
        Sink { teller, action, pending, answers, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Lines of a teller that panicked are as good as before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines of standard error.
    pub(super) fn last(&self) -> Vec<String> {
        self.lock().last.iter().cloned().collect()
    }

    /// What standard output said.
    pub(super) fn answer(&self) -> String {
        String::from_utf8_lossy(&self.lock().answer).into_owned()
    }

    /// Something was written.
    fn at_work(&self) {
        if !self.pending.load(Ordering::Relaxed) {
            return;
        }
        let now = Instant::now();
        {
            let mut state = self.lock();
            if state.at_work.is_some_and(|told| now.duration_since(told) < AT_WORK) {
                return;
            }
            state.at_work = Some(now);
        }
        (self.teller)(&Notice::AtWork);
    }

    /// A line is complete. False: too many come.
    fn line(&self, stream: Stream, text: String) -> bool {
        let (told, left_out) = {
            let mut state = self.lock();
            if stream == Stream::Error {
                if state.last.len() == KEPT {
                    state.last.pop_front();
                }
                state.last.push_back(text.clone());
            }
            let now = Instant::now();
            if now.duration_since(state.second) >= Duration::from_secs(1) {
                (state.second, state.budget) = (now, RATE);
            }
            let told = state.budget > 0;
            if told {
                state.budget -= 1;
                (true, std::mem::take(&mut state.left_out))
            } else {
                state.left_out += 1;
                (false, 0)
            }
        };
        self.tell_left_out(left_out);
        if told {
            (self.teller)(&Notice::Line(Line { action: self.action, stream, text }));
        }
        told
    }

    fn tell_left_out(&self, lines: u64) {
        if lines > 0 {
            (self.teller)(&Notice::LinesLeftOut { action: self.action, lines });
        }
    }

    /// Nothing more is told of this program.
    pub(super) fn end(&self) {
        let left_out = std::mem::take(&mut self.lock().left_out);
        self.tell_left_out(left_out);
    }

    fn keep(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let room = ANSWER - state.answer.len();
        state.answer.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Makes lines of bytes.
#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    /// The line is longer than what is kept of it.
    cut: bool,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], mut each: impl FnMut(String)) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = LINE - self.line.len();
            self.cut |= part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if parts.peek().is_some() {
                each(self.take());
            }
        }
    }

    /// The rest that no line feed has ended.
    fn rest(&mut self) -> Option<String> {
        (!self.line.is_empty() || self.cut).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.line);
        // A log shown on a terminal must not be able to command it.
        let mut text: String = text
            .trim_end_matches('\r')
            .chars()
            .map(|each| if each == '\t' || !each.is_control() { each } else { '?' })
            .collect();
        if self.cut {
            text.push_str(" [...]");
        }
        self.line.clear();
        self.cut = false;
        text
    }
}

/// Reads a program's output until its last writer has gone, or until it is dropped.
pub(super) struct Pump {
    task: JoinHandle<()>,
    sink: Arc<Sink>,
    hurry: watch::Sender<bool>,
    dry: [Option<oneshot::Receiver<()>>; 2],
}

impl Pump {
    /// Within a tokio runtime.
    pub(super) fn new(
        stdout: Option<OwnedFd>,
        stderr: Option<OwnedFd>,
        sink: Arc<Sink>,
    ) -> std::io::Result<Self> {
        let (hurry, hurried) = watch::channel(false);
        let (first, first_dry) = Reader::new(stdout, Stream::Output, &sink, &hurried)?;
        let (second, second_dry) = Reader::new(stderr, Stream::Error, &sink, &hurried)?;
        let of_task = Arc::clone(&sink);
        let task = tokio::spawn(async move {
            tokio::join!(first.read(), second.read());
            of_task.end();
        });
        Ok(Pump { task, sink, hurry, dry: [Some(first_dry), Some(second_dry)] })
    }

    /// Whether every writer has gone.
    pub(super) fn ended(&self) -> bool {
        self.task.is_finished()
    }

    /// The program has ended: waits until all that it wrote is read. A daemon that it started may
    /// hold its pipes open; that is not waited for. Takes at most 2 s.
    pub(super) async fn drain(&mut self) {
        // If the readers have gone, they have read everything.
        let _ = self.hurry.send(true);
        let until = Instant::now() + DRAIN;
        for dry in self.dry.iter_mut().filter_map(Option::take) {
            let _ = tokio::time::timeout_at(until, dry).await;
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if !self.ended() {
            self.task.abort();
            self.sink.end();
        }
    }
}

/// Reads one of a program's pipes.
struct Reader {
    pipe: Option<Receiver>,
    stream: Stream,
    sink: Arc<Sink>,
    splitter: Splitter,
    hurried: watch::Receiver<bool>,
    /// Told once all is read that the program can have written.
    dry: Option<oneshot::Sender<()>>,
}

impl Reader {
    fn new(
        pipe: Option<OwnedFd>,
        stream: Stream,
        sink: &Arc<Sink>,
        hurried: &watch::Receiver<bool>,
    ) -> std::io::Result<(Self, oneshot::Receiver<()>)> {
        let pipe = pipe.map(Receiver::from_owned_fd).transpose()?;
        let (dry, told) = oneshot::channel();
        let (sink, hurried) = (Arc::clone(sink), hurried.clone());
        let splitter = Splitter::default();
        Ok((Reader { pipe, stream, sink, splitter, hurried, dry: Some(dry) }, told))
    }

    async fn read(mut self) {
        let Some(pipe) = self.pipe.take() else { return };
        let mut chunk = vec![0; 1 << 13];
        loop {
            let hurry = tokio::select! {
                biased;
                Ok(_) = self.hurried.wait_for(|hurry| *hurry), if self.dry.is_some() => true,
                ready = pipe.readable() => match ready {
                    Ok(()) => false,
                    Err(_) => break,
                },
            };
            if hurry {
                let end = self.drain(&pipe, &mut chunk);
                self.rest();
                self.dry = None;
                if end {
                    break;
                }
                continue;
            }
            match pipe.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => {
                    if !self.take(&chunk[..read]) {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.rest();
    }

    /// Reads what is in the pipe, past the runtime's opinion of its readiness. True: there is
    /// nobody who could write any more.
    fn drain(&mut self, pipe: &Receiver, chunk: &mut [u8]) -> bool {
        let mut left = PIPE;
        while left > 0 {
            match rustix::io::read(pipe, &mut *chunk) {
                Ok(0) => return true,
                Ok(read) => {
                    left = left.saturating_sub(read);
                    self.take(&chunk[..read]);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        false
    }

    /// False: too much comes.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.sink.at_work();
        if self.sink.answers && self.stream == Stream::Output {
            self.sink.keep(bytes);
            return true;
        }
        let mut calm = true;
        self.splitter.push(bytes, |line| calm &= self.sink.line(self.stream, line));
        calm
    }

    /// Tells the rest that no line feed has ended.
    fn rest(&mut self) {
        if let Some(rest) = self.splitter.rest() {
            self.sink.line(self.stream, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pushes: &[&[u8]]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut all = Vec::new();
        for bytes in pushes {
            splitter.push(bytes, |line| all.push(line));
        }
        all.extend(splitter.rest());
        all
    }

    #[test]
    fn bytes_become_lines() {
        assert_eq!(lines(&[b"a\nb", b"c\r\n", b"\n", b"d"]), ["a", "bc", "", "d"]);
        assert_eq!(lines(&[b""]), [""; 0]);
        assert_eq!(lines(&[b"\x1b[31mred\x07\t.\n"]), ["?[31mred?\t."]);
        assert_eq!(lines(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_is_whole() {
        let long = vec![b'x'; LINE + 1];
        let exact = vec![b'y'; LINE];
        let got = lines(&[&long, &long, b"\nnext\n", &exact, b"\n"]);
        assert_eq!(got[0], format!("{} [...]", "x".repeat(LINE)));
        assert_eq!(got[1..], ["next".to_owned(), "y".repeat(LINE)]);
    }
}
