//! The journal's encodings: what is written is read again, and a damaged file is told as such.

use crate::site;
use dagtwin::journal::binary::{self, Journal, ReadError};
use dagtwin::journal::{Digest, Header, Record, RecordNo, What, chain, text};
use dagtwin::sim::{Recording, simulate};
use std::sync::OnceLock;

/// A run of the default scenario.
fn run() -> &'static (Header, Vec<Record>) {
    static RUN: OnceLock<(Header, Vec<Record>)> = OnceLock::new();
    RUN.get_or_init(|| {
        let site::Built { topology, scenario, .. } = site::named("nic-loss");
        let records = simulate(&topology, &scenario, 1, Recording::Memory).records;
        (Header::of_run(&topology, &scenario, 1), records)
    })
}

fn written(header: &Header, records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    binary::write(&mut bytes, header, records).expect("memory takes it");
    bytes
}

fn read(bytes: &[u8]) -> Result<Journal, ReadError> {
    binary::read(&mut &bytes[..])
}

/// A small journal for damages: many of its records, and its bytes.
fn small() -> (&'static [Record], Vec<u8>) {
    let (header, records) = run();
    let records = &records[..120];
    (records, written(header, records))
}

/// Where the first record's frame begins: after magic, header frame and the header's hash.
fn first_record(bytes: &[u8]) -> usize {
    let length = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
    8 + 4 + length as usize + 8
}

fn message(result: Result<Journal, ReadError>) -> String {
    result.expect_err("a damaged journal").to_string()
}

#[test]
fn a_run_comes_back_as_it_was_written() {
    let (header, records) = run();
    assert!(records.len() > 1_000, "only {} records", records.len());
    let journal = read(&written(header, records)).expect("an undamaged journal");
    assert_eq!(&journal.header, header);
    assert!(journal.records == *records);
    assert_eq!(journal.cut_at, None);
}

#[test]
fn another_program_can_compute_the_digest() {
    let (header, records) = run();
    let bytes = written(header, records);
    let mut at = first_record(&bytes);
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut count = 0;
    loop {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        at += 4;
        if length == 0 {
            break;
        }
        for byte in &bytes[at..at + length] {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        at += length;
        count += 1;
    }
    assert_eq!(count, records.len());
    assert_eq!(bytes[at..], hash.to_le_bytes());
    assert_eq!(format!("{hash:016x}"), Digest::of(records).to_string());
}

#[test]
fn a_cut_file_keeps_every_whole_record() {
    let (records, bytes) = small();
    let begin = first_record(&bytes);
    for length in 0..begin {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes hold no whole header");
    }
    let mut kept = 0;
    for length in begin..bytes.len() {
        let journal = read(&bytes[..length]).expect("a cut journal is no error");
        assert_eq!(journal.records, records[..journal.records.len()], "{length} bytes");
        assert!(journal.records.len() >= kept, "{length} bytes");
        assert!(journal.cut_at.is_some_and(|at| at <= length as u64), "{length} bytes");
        kept = journal.records.len();
    }
    assert_eq!(kept, records.len());
}

/// A plain generator of test bytes (xorshift).
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let (records, bytes) = small();
    let mut draw = Bytes(0x5eed);
    let (mut refused, mut cut) = (0, 0);
    for _ in 0..4_000 {
        let mut changed = bytes.clone();
        let at = draw.below(changed.len());
        changed[at] ^= 1 << draw.below(8);
        match read(&changed) {
            Err(_) => refused += 1,
            // A length that grew swallows the rest: the records before it are still true.
            Ok(journal) => {
                let kept = journal.records.len();
                assert!(journal.cut_at.is_some(), "byte {at} was changed and nobody noticed");
                assert_eq!(journal.records, records[..kept], "byte {at}");
                cut += 1;
            }
        }
    }
    assert!(refused > 100 && cut > 10, "refused {refused}, cut {cut}");
}

#[test]
fn nonsense_is_refused_and_breaks_nothing() {
    let (_, bytes) = small();
    let begin = first_record(&bytes);
    let mut draw = Bytes(0xbad);
    for round in 0..2_000 {
        // Nonsense from the start, after the magic, and after a good header.
        let keep = [0, 8, begin][round % 3];
        let mut nonsense = bytes[..keep].to_vec();
        for _ in 0..draw.below(200) {
            nonsense.push(draw.next() as u8);
        }
        if let Ok(journal) = read(&nonsense) {
            assert!(journal.cut_at.is_some() && keep == begin, "round {round}");
        }
    }
}

#[test]
fn a_length_that_is_too_long_takes_no_memory() {
    let (_, bytes) = small();
    let begin = first_record(&bytes);
    let mut long = bytes[..begin].to_vec();
    long.extend(u32::MAX.to_le_bytes());
    assert_eq!(message(read(&long)), format!("byte {begin}: a frame of 4294967295 bytes"));
    let mut within = bytes[..begin].to_vec();
    within.extend((60_u32 << 20).to_le_bytes());
    let journal = read(&within).expect("cut within the frame");
    assert_eq!((journal.records.len(), journal.cut_at), (0, Some(begin as u64)));
}

#[test]
fn what_is_no_journal_is_told_as_such() {
    let (header, records) = run();
    assert_eq!(message(read(b"")), "byte 0: this is no dagtwin journal");
    assert_eq!(message(read(b"name = \"x\"\n")), "byte 0: this is no dagtwin journal");
    let other = Header { format: Header::FORMAT + 1, ..header.clone() };
    let found = message(read(&written(&other, &records[..3])));
    assert_eq!(found, "byte 8: a journal of format 8; this program reads format 7");
    let (_, mut bytes) = small();
    bytes.push(0);
    assert!(message(read(&bytes)).ends_with("something follows the end of the journal"));
}

#[test]
fn a_cause_that_is_not_earlier_is_refused() {
    let (header, records) = run();
    let mut records = records[..5].to_vec();
    records[2].cause = Some(RecordNo(2));
    let found = message(read(&written(header, &records)));
    assert!(found.ends_with("a record names one that is not earlier as its cause"), "{found}");
}

#[test]
fn every_record_leads_back_to_what_has_no_cause() {
    let (_, records) = run();
    for number in (0..records.len() as u32).map(RecordNo) {
        let chain = chain(records, number);
        assert!(chain.windows(2).all(|pair| pair[1] < pair[0]), "record {}", number.0);
        let last = chain[chain.len() - 1];
        assert_eq!(records[last.0 as usize].cause, None, "record {}", number.0);
    }
}

#[test]
fn the_text_has_a_line_for_every_record_in_words() {
    let (header, records) = run();
    let mut bytes = Vec::new();
    text::write(&mut bytes, header, records).expect("memory takes it");
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(text.lines().count(), records.len() + 1);
    let fault = records.iter().position(|record| matches!(record.what, What::Fault { .. }));
    let fault = text.lines().nth(fault.expect("a fault") + 1).expect("its line");
    assert!(fault.contains("nic-down on EX01 all NICs"), "{fault}");
    for words in ["EX02", "heartbeat", "quorum: ", "one vote short", "wants to read", "mounted"] {
        assert!(text.contains(words), "nothing says {words:?}");
    }
    // Names are joined from the topology: no bare numbers of nodes, groups, resources, databases.
    for shape in ["NodeId", "Some(", "None", " n0", " n1", " g0", " r0", " d0"] {
        let line = text.lines().find(|line| line.contains(shape));
        assert_eq!(line, None, "{shape:?}");
    }
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = std::env::temp_dir().join(format!("dagtwin-journal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let path = folder.join("run.journal");
    std::fs::write(&path, "older").expect("a file");
    let failed = binary::write_file(&path, |out| {
        out.write_all(b"half of it")?;
        Err(std::io::Error::other("the disk is full"))
    });
    assert_eq!(failed.expect_err("it failed").to_string(), "the disk is full");
    assert_eq!(std::fs::read(&path).expect("still there"), b"older");
    let (header, records) = run();
    binary::write_file(&path, |out| binary::write(out, header, &records[..9])).expect("written");
    let journal = binary::read_file(&path).expect("read again");
    assert_eq!(journal.records, records[..9]);
    let names: Vec<_> = std::fs::read_dir(&folder).expect("the folder").collect();
    assert_eq!(names.len(), 1, "nothing is left over");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
