//! What the client sees of the node, with the kernel's own times, and what it asks for.

use crate::lease::bed::{Bed, CLIENT, FLOATING, NODE, PORT, enter, ms};
use dagtwin::agent::lease::boottime;
use rustix::time::{ClockId, clock_gettime};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Port of datagrams that only tell how far `tcpdump` has come.
const MARKER: u16 = 43999;

/// A frame that the client got.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// When, on the boot-time clock.
    pub(crate) at: Duration,
    pub(crate) what: String,
}

impl Frame {
    fn is_marker(&self) -> bool {
        self.what.contains(&format!(".{MARKER}: UDP"))
    }

    pub(crate) fn is_arp(&self) -> bool {
        self.what.contains("ARP")
    }

    pub(crate) fn is_ping(&self) -> bool {
        self.what.contains("ICMP echo reply")
    }

    /// The answer to the first segment of a connection.
    pub(crate) fn is_accept(&self) -> bool {
        self.what.contains("Flags [S.]")
    }

    /// Data of a stream.
    pub(crate) fn is_data(&self) -> bool {
        self.what.contains("Flags [P.]") || self.what.contains("Flags [.], seq")
    }
}

/// `tcpdump` at the client's end of the cable.
pub(crate) struct Observer {
    tcpdump: Child,
    frames: Arc<Mutex<Vec<Frame>>>,
    /// Sends markers from the node's own address, which no gate holds back.
    marker: UdpSocket,
}

impl Observer {
    /// Everything that comes from the floating address, ARP included, or from the database port.
    pub(crate) fn start(bed: &Bed) -> Observer {
        let filter = format!(
            "arp src host {FLOATING} or ip src host {FLOATING} or tcp src port {PORT} or udp dst \
             port {MARKER}"
        );
        let mut tcpdump = Command::new("ip")
            .args(["netns", "exec", &bed.client, "tcpdump", "-i", "e0", "-Q", "in", "-tt", "-n"])
            .args(["--immediate-mode", "-l", &filter])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(tcpdump.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "tcpdump ended");
        }
        let frames = Arc::new(Mutex::new(Vec::new()));
        let (seen, lines) = (Arc::clone(&frames), BufReader::new(tcpdump.stdout.take().unwrap()));
        let offset = wall_clock_offset();
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let Some((time, what)) = line.split_once(' ') else { continue };
                let Ok(time) = time.parse::<f64>() else { continue };
                let at = Duration::from_secs_f64(time).saturating_sub(offset);
                seen.lock().unwrap().push(Frame { at, what: what.to_owned() });
            }
        });
        // The other pipe stays open so that tcpdump can say its last words.
        thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let marker = bed.on_node(|| UdpSocket::bind((NODE, 0)).unwrap());
        Observer { tcpdump, frames, marker }
    }

    /// What was seen until now, as far as it has come through the pipe.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let frames = self.frames.lock().unwrap();
        frames.iter().filter(|frame| !frame.is_marker()).cloned().collect()
    }

    /// Waits until a frame of a kind was seen.
    pub(crate) fn wait_for(&self, kind: impl Fn(&Frame) -> bool) {
        for _ in 0..3000 {
            if self.frames().iter().any(&kind) {
                return;
            }
            thread::sleep(ms(10));
        }
        panic!("not seen, but {:?}", self.frames().iter().rev().take(5));
    }

    /// Waits until everything that came before now has come through the pipe.
    fn catch_up(&self) {
        let markers =
            || self.frames.lock().unwrap().iter().filter(|frame| frame.is_marker()).count();
        let before = markers();
        self.marker.send_to(b"marker", (CLIENT, MARKER)).unwrap();
        for _ in 0..3000 {
            if markers() > before {
                return;
            }
            thread::sleep(ms(10));
        }
        panic!("tcpdump does not show what comes");
    }

    /// Frames that came after a moment.
    pub(crate) fn after(&self, moment: Duration) -> Vec<Frame> {
        self.catch_up();
        self.frames().into_iter().filter(|frame| frame.at > moment).collect()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

/// What to take from wall-clock time to have boot time.
fn wall_clock_offset() -> Duration {
    let wall = clock_gettime(ClockId::Realtime);
    let wall = Duration::new(wall.tv_sec.try_into().unwrap(), wall.tv_nsec.try_into().unwrap());
    wall - boottime()
}

/// A program that the client runs until it is dropped.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(namespace: &str, words: &[&str]) -> Program {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).args(words);
        Program(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server on the node that sends to every connection without end, and lives on whatever
/// happens to the agent.
pub(crate) struct Server {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(bed: &Bed, port: u16) -> Server {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let listener = bed.on_node(|| TcpListener::bind(("0.0.0.0", port)).unwrap());
        listener.set_nonblocking(true).unwrap();
        let serve = move || {
            let mut connections: Vec<TcpStream> = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                while let Ok((connection, _)) = listener.accept() {
                    connection.set_nonblocking(true).unwrap();
                    connection.set_nodelay(true).unwrap();
                    connections.push(connection);
                }
                let full = std::io::ErrorKind::WouldBlock;
                connections.retain_mut(|connection| match connection.write(b"0123456789") {
                    Ok(_) => true,
                    Err(error) => error.kind() == full,
                });
                thread::sleep(ms(2));
            }
        };
        Server { stop, thread: Some(thread::spawn(serve)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A connection of the client that reads what the server sends, and counts it.
pub(crate) struct Stream {
    stop: Arc<AtomicBool>,
    read: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    pub(crate) fn open(bed: &Bed, to: SocketAddr) -> Stream {
        let mut connection = bed.on_client(|| connect(to)).expect("connects");
        connection.set_read_timeout(Some(ms(20))).unwrap();
        let (stop, read) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&read));
        let reader = move || {
            let mut room = [0; 4096];
            while !stopped.load(Ordering::SeqCst) {
                if let Ok(length) = connection.read(&mut room) {
                    count.fetch_add(length.try_into().unwrap(), Ordering::SeqCst);
                }
            }
        };
        Stream { stop, read, thread: Some(thread::spawn(reader)) }
    }

    /// Bytes read so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::SeqCst)
    }

    /// Waits for another byte; whether it came.
    pub(crate) fn goes_on(&self, within: Duration) -> bool {
        let (before, end) = (self.read(), boottime() + within);
        while self.read() == before && boottime() < end {
            thread::sleep(ms(5));
        }
        self.read() > before
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A client that connects again and again until it is dropped.
pub(crate) struct Caller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Caller {
    pub(crate) fn start(bed: &Bed, to: SocketAddr) -> Caller {
        let (stop, client) = (Arc::new(AtomicBool::new(false)), bed.client.clone());
        let stopped = Arc::clone(&stop);
        let call = move || {
            enter(&client);
            while !stopped.load(Ordering::SeqCst) {
                let _ = TcpStream::connect_timeout(&to, ms(50));
                thread::sleep(ms(10));
            }
        };
        Caller { stop, thread: Some(thread::spawn(call)) }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A connection from the calling thread's namespace, or none.
pub(crate) fn connect(to: SocketAddr) -> Option<TcpStream> {
    TcpStream::connect_timeout(&to, ms(1500)).ok()
}
