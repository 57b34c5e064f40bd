//! Whatever octets come, nothing panics and nothing forged is trusted.

use super::super::message::{self, Answer, Change};
use super::super::signature::{Signed, Verdict};
use super::{ONE, SECRET, TWO, host, key};
use domain::base::iana::{Class, Rcode, TsigRcode};
use domain::base::{Message, MessageBuilder, Ttl};
use domain::rdata::A;
use domain::rdata::tsig::Time48;
use domain::tsig::ServerTransaction;

const NOW: u64 = 1_800_000_000;

fn request() -> Signed {
    let name = host("casarray.example.test");
    let message = message::lookup(7, &name).expect("a message");
    Signed::new(message, &key("ddns-key", SECRET), NOW).expect("signed")
}

fn answer(request: &Signed) -> Vec<u8> {
    let mut message = Message::from_octets(request.bytes.clone()).expect("a message");
    let key = key("ddns-key", SECRET);
    let now = Time48::from_u64(NOW);
    let transaction = ServerTransaction::request(key.tsig(), &mut message, now);
    let transaction = transaction.ok().flatten().expect("a signed request");
    let mut builder =
        MessageBuilder::new_vec().start_answer(&message, Rcode::NOERROR).expect("room");
    let name = host("casarray.example.test");
    let record = (name.wire(), Class::IN, Ttl::from_secs(60), A::new(ONE));
    builder.push(record).expect("room");
    let mut builder = builder.additional();
    transaction.answer(&mut builder, now).expect("room");
    builder.finish()
}

/// What an answer says if it is trusted.
fn read(request: &Signed, bytes: Vec<u8>) -> Option<Answer> {
    let mut answer = Message::from_octets(bytes).ok()?;
    let asked = Message::from_octets(request.bytes.as_slice()).expect("a message");
    if !message::answers(&answer, &asked) {
        return None;
    }
    match request.judge(&mut answer, NOW) {
        Verdict::Trusted => message::addresses(&answer, &host("casarray.example.test")).ok(),
        Verdict::UnknownKey
        | Verdict::WrongSecret
        | Verdict::ClockSkew(_)
        | Verdict::Untrusted(_) => None,
    }
}

#[test]
fn no_changed_octet_is_believed() {
    let request = request();
    let right = answer(&request);
    let told = Answer::Addresses(vec![ONE], Some(60));
    assert_eq!(read(&request, right.clone()), Some(told.clone()));
    let mut trusted = 0;
    for place in 0..right.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut bytes = right.clone();
            bytes[place] ^= change;
            // Some octets mean nothing, such as the case of the key's name.
            if let Some(read) = read(&request, bytes) {
                assert_eq!(read, told, "octet {place} changed by {change}");
                trusted += 1;
            }
        }
        assert_eq!(read(&request, right[..place].to_vec()), None, "cut at {place}");
    }
    assert!(trusted < right.len(), "{trusted} of {}", right.len() * 9);
}

#[test]
fn no_octets_panic() {
    let request = request();
    let right = answer(&request);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("it is below")
    };
    for _ in 0..20_000 {
        let mut bytes = right.clone();
        for _ in 0..=random(6) {
            let place = random(bytes.len());
            match random(3) {
                0 => bytes[place] = [0, 1, 0xC0, 0xFF, 12][random(5)],
                1 => bytes.truncate(place.max(13)),
                _ => bytes.insert(place, [0, 250, 0xC0, 63][random(4)]),
            }
        }
        // Past the header, so that it is not passed over for its id alone.
        bytes[..4].copy_from_slice(&right[..4]);
        read(&request, bytes.clone());
        let mut answer = Message::from_octets(bytes).expect("it has a header");
        request.judge(&mut answer, NOW);
        let _ = message::addresses(&answer, &host("casarray.example.test"));
    }
}

#[test]
fn a_clock_skew_is_believed_of_the_key_only() {
    // A forger can name the code and a time, but has no signature for them.
    let request = request();
    let mut bytes = answer(&request);
    bytes[3] = (bytes[3] & 0xF0) | Rcode::NOTAUTH.to_int();
    let tsig_error = bytes.len() - 4;
    bytes[tsig_error..tsig_error + 2].copy_from_slice(&TsigRcode::BADTIME.to_int().to_be_bytes());
    let length = bytes.len();
    bytes[length - 2..].copy_from_slice(&6_u16.to_be_bytes());
    bytes.extend([0, 0, 0x70, 0, 0, 0]);
    // The length of the record's data, before its 13 octets of algorithm and the rest.
    let data = 13 + 6 + 2 + 2 + 32 + 2 + 2 + 2;
    let place = length - data - 2;
    bytes[place..place + 2].copy_from_slice(&u16::try_from(data + 6).unwrap().to_be_bytes());
    let mut answer = Message::from_octets(bytes).expect("a message");
    let Verdict::Untrusted(what) = request.judge(&mut answer, NOW) else { panic!("believed") };
    assert_eq!(what, "NOTAUTH, with a wrong signature (BADSIG)");
}

#[test]
fn usual_updates_go_over_udp() {
    let (zone, name) = (host("example.test"), host("casarray.example.test"));
    let change = Change::Set { address: TWO, ttl: 1200 };
    let message = message::update(1, &zone, &name, Some(ONE), change).expect("a message");
    let signed = Signed::new(message, &key("ddns-key", SECRET), NOW).expect("signed");
    assert!(signed.bytes.len() <= 512, "{}", signed.bytes.len());
    let written = Message::from_octets(signed.bytes.as_slice()).expect("a message");
    let counts = written.header_counts();
    let counts = [counts.zocount(), counts.prcount(), counts.upcount(), counts.adcount()];
    assert_eq!(counts, [1, 2, 2, 1]);
}
