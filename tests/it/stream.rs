//! Journals that grow: written and read part by part, served, followed, paced.

use crate::program::{Folder, dagtwin, told};
use crate::site;
use dagtwin::journal::binary::{self, Reader, Writer};
use dagtwin::journal::stream::{Follow, News, Place, Server};
use dagtwin::journal::{Digest, Header, Record};
use dagtwin::sim::{Recording, simulate};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// The beginning of a run.
fn run() -> &'static (Header, Vec<Record>) {
    static RUN: OnceLock<(Header, Vec<Record>)> = OnceLock::new();
    RUN.get_or_init(|| {
        let site::Built { topology, scenario, .. } = site::named("nic-loss");
        let mut records = simulate(&topology, &scenario, 1, Recording::Memory).records;
        records.truncate(2_000);
        (Header::of_run(&topology, &scenario, 1), records)
    })
}

fn written(header: &Header, records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    binary::write(&mut bytes, header, records).expect("memory takes it");
    bytes
}

/// Everything that is told of a journal until its last news, which is returned.
fn all(follow: &Follow) -> (Option<Header>, Vec<Record>, News) {
    let (mut header, mut records) = (None, Vec::new());
    loop {
        match follow.news().recv_timeout(Duration::from_secs(60)).expect("something is told") {
            News::Header(told) => header = Some(*told),
            News::Records(more) => records.extend(more),
            News::CaughtUp => {}
            last => {
                assert!(follow.news().recv().is_err(), "nothing follows {last:?}");
                return (header, records, last);
            }
        }
    }
}

#[test]
fn a_journal_is_written_and_read_part_by_part() {
    let (header, records) = run();
    let whole = written(header, records);
    let mut grown = Vec::new();
    let mut writer = Writer::new(&mut grown, header).expect("memory takes it");
    for part in records.chunks(77) {
        writer.append(part).expect("memory takes it");
    }
    assert_eq!(writer.finish().expect("memory takes it"), Digest::of(records));
    assert!(grown == whole, "it is the same as one that is written at once");

    for size in [1, 7, 4_096] {
        let (mut reader, mut read) = (Reader::default(), Vec::new());
        for (place, part) in whole.chunks(size).enumerate() {
            assert!(!reader.has_ended());
            reader.feed(part);
            reader.decode(&mut read).expect("it is sound");
            assert!(reader.place() <= ((place + 1) * size) as u64);
            assert!(read == records[..read.len()], "{size} bytes at a time");
        }
        assert!(reader.has_ended() && read.len() == records.len());
        assert_eq!((reader.header(), reader.digest()), (Some(header), Digest::of(records)));
        assert_eq!(reader.finish().expect("it is whole").1, None);
    }
}

#[test]
fn damage_is_told_after_the_records_before_it() {
    let (header, records) = run();
    let mut bytes = written(header, &records[..50]);
    // Instead of the end, a frame that is too long.
    bytes.truncate(bytes.len() - 12);
    let place = bytes.len();
    bytes.extend(u32::MAX.to_le_bytes());
    let (mut reader, mut read) = (Reader::default(), Vec::new());
    reader.feed(&bytes);
    let wrong = reader.decode(&mut read).expect_err("it is damaged").to_string();
    assert_eq!(wrong, format!("byte {place}: a frame of 4294967295 bytes"));
    assert!(read == records[..50]);
    assert_eq!(reader.place(), place as u64);
}

#[test]
fn a_growing_file_is_followed_to_its_end() {
    let (header, records) = run();
    let folder = Folder::new("stream-file");
    let path = folder.path("grows.dagtwin");
    let bytes = written(header, records);
    let mut file = std::fs::File::create(&path).expect("a file");
    // The first part ends within a frame.
    let (first, rest) = bytes.split_at(bytes.len() / 2 + 1);
    file.write_all(first).expect("written");
    let follow = Follow::new(&path.parse().expect("a place")).expect("it is there");
    let mut before = Vec::new();
    loop {
        match follow.news().recv_timeout(Duration::from_secs(60)).expect("something is told") {
            News::Header(told) => assert_eq!(*told, *header),
            News::Records(more) => before.extend(more),
            News::CaughtUp => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(!before.is_empty() && before == records[..before.len()]);
    file.write_all(rest).expect("written");
    let (_, after, last) = all(&follow);
    assert!(matches!(last, News::Ended { digest } if digest == Digest::of(records)), "{last:?}");
    assert!([before, after].concat() == *records);
}

#[test]
fn what_is_wrong_with_a_followed_file_is_told() {
    let (header, records) = run();
    let folder = Folder::new("stream-wrong");
    let path = folder.path("wrong.dagtwin");
    let follow = || Follow::new(&Place::File(path.clone().into())).expect("it is there");
    std::fs::write(&path, "name = \"x\"\n").expect("a file");
    let (header_told, none, last) = all(&follow());
    assert!(header_told.is_none() && none.is_empty());
    assert!(matches!(&last, News::Damaged { at_byte: 0, what } if what.contains("no dagtwin")));
    let mut damaged = written(header, &records[..100]);
    let end = damaged.len();
    damaged[end - 1] ^= 1;
    std::fs::write(&path, &damaged).expect("a file");
    let (_, read, last) = all(&follow());
    assert_eq!(read.len(), 100);
    assert!(matches!(&last, News::Damaged { what, .. } if what.contains("digest")), "{last:?}");
    let missing = Place::File(folder.path("none").into());
    assert_eq!(Follow::new(&missing).expect_err("none").kind(), std::io::ErrorKind::NotFound);
    let as_folder = Place::File(folder.path(".").into());
    assert!(Follow::new(&as_folder).expect_err("no file").to_string().contains("not a folder"));
}

/// Two watchers of one server, of which one comes late, and one that leaves at once.
fn watched(place: &Place) {
    let (header, records) = run();
    let server = Server::listen(place).expect("it can listen");
    let place = server.place().clone();
    let mut writer = Writer::new(server.sink(), header).expect("memory takes it");
    let early = Follow::new(&place).expect("it is served");
    let (first, rest) = records.split_at(records.len() / 2);
    writer.append(first).and_then(|()| writer.flush()).expect("memory takes it");
    let leaver = Follow::new(&place).expect("it is served");
    assert!(matches!(leaver.news().recv(), Ok(News::Header(_))));
    drop(leaver);
    let late = Follow::new(&place).expect("it is served");
    for part in rest.chunks(50) {
        writer.append(part).and_then(|()| writer.flush()).expect("memory takes it");
    }
    let digest = writer.finish().expect("memory takes it");
    let after = Follow::new(&place).expect("it is served");
    for (who, follow) in [("early", &early), ("late", &late), ("after", &after)] {
        let (told, read, last) = all(follow);
        assert_eq!(told.as_ref(), Some(header), "{who}");
        assert!(read == *records, "{who}: {} records", read.len());
        assert!(matches!(last, News::Ended { digest: told } if told == digest), "{who}: {last:?}");
    }
    server.end(Duration::from_secs(10));
    assert!(Follow::new(&place).is_err() || matches!(place, Place::Tcp(_)), "nobody serves there");
}

#[test]
fn a_journal_is_served_over_tcp() {
    watched(&"tcp:127.0.0.1:0".parse().expect("a place"));
}

#[cfg(unix)]
#[test]
fn a_journal_is_served_over_a_socket_in_a_folder() {
    let folder = Folder::new("stream-unix");
    let place = Place::Unix(folder.path("twin").into());
    watched(&place);
    let Place::Unix(path) = &place else { panic!("{place}") };
    assert!(!path.exists(), "the socket is removed");
    // What somebody left behind who is gone is no obstacle; a file is.
    drop(std::os::unix::net::UnixListener::bind(path).expect("a socket"));
    assert!(path.exists());
    let server = Server::listen(&place).expect("a stale socket gives way");
    assert!(Server::listen(&place).is_err(), "somebody listens there");
    drop(server);
    std::fs::write(path, "a file").expect("a file");
    assert!(Server::listen(&place).is_err() && path.exists(), "files are left alone");
}

#[test]
fn a_server_that_goes_before_the_end_has_cut_the_journal() {
    let (header, records) = run();
    let server = Server::listen(&"tcp:127.0.0.1:0".parse().expect("a place")).expect("listens");
    let mut writer = Writer::new(server.sink(), header).expect("memory takes it");
    writer.append(&records[..10]).and_then(|()| writer.flush()).expect("memory takes it");
    let follow = Follow::new(server.place()).expect("it is served");
    assert!(matches!(follow.news().recv(), Ok(News::Header(_))));
    drop(server);
    let (_, read, last) = all(&follow);
    assert!(read == records[..10]);
    assert!(matches!(last, News::Cut { at_byte } if at_byte > 0), "{last:?}");
}

#[test]
fn a_slow_watcher_holds_up_nobody() {
    let (header, records) = run();
    let server = Server::listen(&"tcp:127.0.0.1:0".parse().expect("a place")).expect("listens");
    let Place::Tcp(address) = server.place() else { panic!("{}", server.place()) };
    // It connects and reads nothing, however much there is.
    let idle = std::net::TcpStream::connect(address).expect("it is served");
    let mut writer = Writer::new(server.sink(), header).expect("memory takes it");
    for _ in 0..40 {
        writer.append(records).and_then(|()| writer.flush()).expect("memory takes it");
    }
    let other = Follow::new(server.place()).expect("it is served");
    writer.finish().expect("memory takes it");
    let (_, read, _) = all(&other);
    assert_eq!(read.len(), 40 * records.len());
    server.end(Duration::from_millis(1));
    drop(idle);
}

/// A paced run that serves its journal; where it does.
fn paced(arguments: &[&str]) -> (Child, Place) {
    let mut child = dagtwin(&[&["run", "--quiet"], arguments].concat())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let mut notes = BufReader::new(child.stderr.take().expect("piped"));
    notes.read_line(&mut line).expect("a note");
    let place = line.trim().strip_prefix("note: the journal is served at ");
    (child, place.unwrap_or_else(|| panic!("{line}")).parse().expect("a place"))
}

#[test]
fn a_paced_run_is_the_same_run() {
    let folder = Folder::new("stream-paced");
    let (whole, grown) = (folder.path("whole.dagtwin"), folder.path("grown.dagtwin"));
    let made = told(&["run", "--quiet", "--journal", &whole]);
    assert_eq!(made.status, 0, "{}", made.err);
    let options = ["--pace", "150", "--journal", &grown, "--listen", "tcp:127.0.0.1:0"];
    let (mut child, place) = paced(&options);
    let follow = Follow::new(&place).expect("it is served");
    let (_, read, last) = all(&follow);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let kept = binary::read_file(whole.as_ref()).expect("a journal");
    let digest = Digest::of(&kept.records);
    assert!(matches!(last, News::Ended { digest: told } if told == digest), "{last:?}");
    assert!(read == kept.records);
    assert!(std::fs::read(&whole).expect("a file") == std::fs::read(&grown).expect("a file"));
    let report = |more: &[&str]| told(&[&["run", "--format", "json"], more].concat()).out;
    assert_eq!(report(&["--pace", "1000000"]), report(&[]));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_a_whole_journal_of_what_there_was() {
    let folder = Folder::new("stream-interrupted");
    let (grown, socket) = (folder.path("grown.dagtwin"), folder.path("twin"));
    let listen = format!("unix:{socket}");
    let options = ["--pace", "20", "--journal", &grown, "--listen", &listen];
    let (mut child, place) = paced(&options);
    let follow = Follow::new(&place).expect("it is served");
    let first = follow.news().recv().expect("a header");
    assert!(matches!(first, News::Header(_)), "{first:?}");
    // Records have come; then Ctrl-C.
    let began = follow.news().recv().expect("records");
    let News::Records(mut read) = began else { panic!("{began:?}") };
    let asked = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(asked.is_ok_and(|status| status.success()));
    let (_, rest, last) = all(&follow);
    read.extend(rest);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(matches!(last, News::Ended { .. }), "{last:?}");
    let kept = binary::read_file(grown.as_ref()).expect("a journal");
    assert!(kept.cut_at.is_none() && kept.records == read);
    let (header, whole) = run();
    let common = read.len().min(whole.len());
    assert!(read[..common] == whole[..common] && kept.header.topology == header.topology);
    let verified = told(&["verify", &grown]);
    assert_eq!(verified.status, 0, "{}", verified.err);
}

#[test]
fn wrong_calls_are_told() {
    for (arguments, part) in [
        (&["--pace", "0"][..], "simulated seconds a second, from 0.001 to 1000000"),
        (&["--listen", "tcp:127.0.0.1:0"], "--pace"),
        (&["--pace", "1", "--listen", "file"], "expected tcp:HOST:PORT or unix:PATH"),
        (&["--pace", "1", "--journal", "a.txt"], "the journal grows in its binary form"),
    ] {
        let refused = told(&[&["run"], arguments].concat());
        assert_eq!(refused.status, 2, "{arguments:?}: {}", refused.err);
        assert!(refused.err.contains(part), "{arguments:?}: {}", refused.err);
    }
    let nowhere = told(&["run", "--pace", "1", "--listen", "unix:/no/such/folder/twin"]);
    assert_eq!(nowhere.status, 3, "{}", nowhere.err);
    assert!(nowhere.err.contains("--listen unix:/no/such/folder/twin"), "{}", nowhere.err);
}
