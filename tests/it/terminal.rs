//! `dagtwin watch` in a terminal: a real pseudo-terminal, and a screen as a terminal sees it.

#![expect(clippy::disallowed_types, reason = "a limit of patience, no result")]

use crate::program::{Folder, told};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Terminal {
    parser: vt100::Parser,
    bytes: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

fn at_least_one(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has a column and a row")
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    fn of(arguments: &[&str], (cols, rows): (u16, u16), environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(cols, rows)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_dagtwin"));
        command.args(arguments);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        for variable in ["NO_COLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(variable);
        }
        let usual = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")];
        for (name, value) in usual.iter().chain(environment) {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its input");
        let (told, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if told.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(at_least_one(rows), at_least_one(cols), 0);
        Terminal { parser, bytes, seen: Vec::new(), keys, child, master: pair.master }
    }

    fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Takes in output until something is so.
    fn until(&mut self, what: &str, so: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(self.parser.screen()) {
            let left = end.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.seen.extend(bytes);
                }
                Err(_) => panic!("{what}: never so; the screen is\n{}", self.screen()),
            }
        }
    }

    fn until_shown(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
        self.keys.flush().expect("it reads");
    }

    fn resize(&mut self, cols: u16, rows: u16) {
        self.master.resize(size(cols, rows)).expect("a terminal can be resized");
        self.parser.screen_mut().set_size(at_least_one(rows), at_least_one(cols));
    }

    /// The end: the program's status, with the terminal as it was found.
    fn end(mut self) -> (u32, String) {
        let status = self.child.wait().expect("it ends").exit_code();
        while let Ok(bytes) = self.bytes.recv_timeout(PATIENCE) {
            self.parser.process(&bytes);
            self.seen.extend(bytes);
        }
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is back");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        (status, screen.contents())
    }
}

#[test]
fn it_opens_is_resized_and_quits() {
    let mut terminal = Terminal::of(&["watch"], (80, 24), &[]);
    terminal.until_shown("Outlook was out");
    assert!(terminal.parser.screen().alternate_screen());
    terminal.type_in("]");
    terminal.resize(120, 40);
    terminal.until_shown("5 Why");
    terminal.resize(30, 5);
    terminal.until_shown("too small");
    terminal.resize(200, 60);
    terminal.until_shown("6 Plots");
    terminal.type_in("?");
    terminal.until_shown("play, pause");
    terminal.type_in("x:65.2s\r");
    terminal.until_shown("65.200 s");
    terminal.type_in("q");
    let (status, left) = terminal.end();
    assert_eq!(status, 0, "{left}");
    assert!(left.contains("dagtwin watch two-node-2010 --at 65.2s"), "{left}");
}

#[test]
fn a_click_is_where_the_pointer_is() {
    let mut terminal = Terminal::of(&["watch"], (120, 40), &[]);
    terminal.until_shown("4 Events");
    let row = terminal.screen().lines().position(|line| line.contains("4 Events"));
    let row = row.expect("the pane of events") + 3;
    // Press and release of the left button, as terminals tell it (SGR).
    terminal.type_in(&format!("\x1b[<0;20;{row}M\x1b[<0;20;{row}m"));
    terminal.until("the events have the thick frame", |screen| {
        screen.contents().lines().any(|line| line.contains("┏ 4 Events"))
    });
    terminal.type_in("\x03");
    assert_eq!(terminal.end().0, 0, "Ctrl-C ends it in good order");
}

#[test]
fn without_colour_nothing_is_coloured_and_the_selection_is_still_seen() {
    let mut terminal = Terminal::of(&["watch"], (120, 40), &[("NO_COLOR", "1")]);
    terminal.until_shown("4 Events");
    terminal.type_in("4");
    terminal.until("the events have the focus", |screen| screen.contents().contains("┏ 4 Events"));
    let screen = terminal.parser.screen();
    let (rows, cols) = screen.size();
    let (rows, cols) = (rows.get(), cols.get());
    let cells = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    let cells: Vec<&vt100::Cell> = cells.filter_map(|(row, col)| screen.cell(row, col)).collect();
    for cell in &cells {
        assert_eq!(cell.fgcolor(), vt100::Color::Default);
        assert_eq!(cell.bgcolor(), vt100::Color::Default);
    }
    assert!(cells.iter().any(|cell| cell.inverse()), "the cursor is reversed");
    assert!(cells.iter().any(|cell| cell.bold()), "headings are bold");
    terminal.type_in("q");
    terminal.end();
}

#[test]
fn a_signal_ends_it_with_the_terminal_restored() {
    let mut terminal = Terminal::of(&["watch"], (80, 24), &[]);
    terminal.until_shown("Outlook was out");
    let id = terminal.child.process_id().expect("it runs").to_string();
    let sent = std::process::Command::new("sh").args(["-c", "kill -TERM $0", &id]).status();
    assert!(sent.expect("a shell").success());
    terminal.end();
}

#[test]
fn it_ends_with_its_terminal() {
    let mut terminal = Terminal::of(&["watch"], (80, 24), &[]);
    terminal.until_shown("Outlook was out");
    let Terminal { mut child, master, mut keys, bytes, .. } = terminal;
    // Whoever reads its output notices by the next of it that nobody listens, and lets it go.
    drop(bytes);
    keys.write_all(b"]").expect("it reads");
    drop((master, keys));
    let (told, ended) = channel();
    std::thread::spawn(move || told.send(child.wait().is_ok()));
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(true), "nobody is left to watch");
}

#[test]
fn a_what_if_is_run_and_saved_from_the_screen() {
    let folder = Folder::new("watch-what-if");
    let saved = folder.path("later.toml");
    let mut terminal = Terminal::of(&["watch"], (120, 40), &[]);
    terminal.until_shown("Outlook was out");
    terminal.type_in("bmove fault 1 to 65s\r");
    terminal.until_shown("Against");
    terminal.type_in(&format!("e\x15{saved}\r"));
    terminal.until_shown("saved as");
    terminal.type_in("q");
    assert_eq!(terminal.end().0, 0);
    let tested = told(&["test", &saved]);
    assert_eq!(tested.status, 0, "{}{}", tested.out, tested.err);
    let text = std::fs::read_to_string(&saved).expect("the scenario");
    assert!(text.contains("at = \"65s\""), "{text}");
}

#[test]
fn a_run_is_followed_while_it_is_made() {
    let folder = Folder::new("watch-live");
    let address = format!("unix:{}", folder.path("twin"));
    let run = ["run", "--pace", "30", "--until", "90s", "--listen", &address, "--quiet"];
    let mut run = crate::program::dagtwin(&run).spawn().expect("the run starts");
    let end = Instant::now() + PATIENCE;
    while std::fs::metadata(folder.path("twin")).is_err() {
        assert!(Instant::now() < end, "it listens");
        std::thread::yield_now();
    }
    let mut terminal = Terminal::of(&["watch", &address, "--follow"], (120, 40), &[]);
    terminal.until_shown("LIVE");
    // When the journal has ended, it is as any other.
    terminal.until("it ends", |screen| {
        let text = screen.contents();
        text.contains("Outlook was out") && !text.contains("LIVE")
    });
    terminal.type_in("q");
    assert_eq!(terminal.end().0, 0);
    run.wait().expect("the run ends");
}

#[test]
fn without_a_terminal_the_report_is_printed() {
    let watched = told(&["watch"]);
    let run = told(&["run"]);
    assert_eq!((watched.status, &watched.out), (run.status, &run.out));
    assert!(watched.err.contains("no terminal"), "{}", watched.err);
    let journal = told(&["watch", "tests/journals/nic-loss.dagtwin"]);
    assert_eq!(journal.status, 0, "{}", journal.err);
    assert!(journal.out.contains("Outage budget"), "{}", journal.out);
}

#[test]
fn what_cannot_be_watched_is_told_before_the_terminal_is_touched() {
    let folder = Folder::new("watch-wrong");
    let broken = folder.path("broken.dagtwin");
    std::fs::write(&broken, b"dagtwinJ\xff\xff\xff\xff").expect("a file");
    for (arguments, expected) in [
        (vec!["watch", broken.as_str()], "expected a journal"),
        (vec!["watch", "no-such-site"], "no-such-site"),
        (vec!["watch", "--scenario", "no-such-scenario"], "no-such-scenario"),
        (vec!["watch", "--at", "soon"], "expected a moment"),
        (vec!["watch", "tests/journals/nic-loss.dagtwin", "--seed", "2"], "a topology that is run"),
        (vec!["watch", "unix:/nowhere/at/all"], "expected a journal"),
        (vec!["watch", "--beside", "nothing.dagtwin"], "expected a journal"),
    ] {
        let terminal = Terminal::of(&arguments, (80, 24), &[]);
        let (status, left) = terminal.end();
        let left = left.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(status, 2, "{arguments:?}: {left}");
        assert!(left.contains(expected), "{arguments:?}: {left}");
    }
}
