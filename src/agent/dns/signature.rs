//! Whether an answer can be trusted.

use super::Key;
use domain::base::iana::{Class, Rcode, TsigRcode};
use domain::base::{Message, ParsedName, ToName};
use domain::rdata::Tsig;
use domain::rdata::tsig::Time48;
use domain::tsig::{ClientTransaction, ValidationError};
use ring::hmac;
use std::sync::Arc;

/// By how many seconds two clocks may differ (RFC 8945 §10 recommends 300).
pub(super) const FUDGE: u16 = 300;

/// A signed request.
pub(super) struct Signed {
    /// The message as it is sent.
    pub bytes: Vec<u8>,
    key: Key,
    transaction: ClientTransaction<Arc<domain::tsig::Key>>,
}

/// What a server's answer is worth.
pub(super) enum Verdict {
    /// Whoever has the key wrote it, for this request.
    Trusted,
    /// The server does not know the key.
    UnknownKey,
    /// The server has another secret.
    WrongSecret,
    /// The server's clock, which is ahead of ours by this many seconds.
    ClockSkew(i64),
    /// Anybody may have written it.
    Untrusted(String),
}

impl Signed {
    /// Signs a request at a moment in seconds since 1970. None if it would be too long.
    pub(super) fn new(mut message: super::message::Builder, key: &Key, now: u64) -> Option<Signed> {
        let tsig = Arc::clone(key.tsig());
        let transaction =
            ClientTransaction::request_with_fudge(tsig, &mut message, time(now), FUDGE).ok()?;
        Some(Signed { bytes: message.finish(), key: key.clone(), transaction })
    }

    /// Judges an answer and takes its signature off.
    pub(super) fn judge(&self, answer: &mut Message<Vec<u8>>, now: u64) -> Verdict {
        let code = answer.header().rcode();
        let untrusted = |what: &str| Verdict::Untrusted(format!("{code}, {what}"));
        match self.transaction.answer(answer, time(now)) {
            Ok(()) => Verdict::Trusted,
            Err(ValidationError::ServerBadKey) => Verdict::UnknownKey,
            Err(ValidationError::ServerBadSig) => Verdict::WrongSecret,
            Err(ValidationError::ServerBadTime { client, server }) => skew(client, server),
            Err(ValidationError::BadSig) => self
                .reported_skew(answer)
                .unwrap_or_else(|| untrusted("with a wrong signature (BADSIG)")),
            Err(ValidationError::ServerUnsigned) => untrusted("not signed"),
            Err(ValidationError::BadTime) => {
                untrusted("signed at a time too far from ours (BADTIME)")
            }
            Err(ValidationError::BadTrunc) => untrusted("with a shortened signature (BADTRUNC)"),
            Err(ValidationError::BadKey | ValidationError::BadAlg) => {
                untrusted("signed with another key (BADKEY)")
            }
            Err(
                ValidationError::BadOther
                | ValidationError::FormErr
                | ValidationError::TooManyUnsigned,
            ) => untrusted("with a signature that is not readable"),
        }
    }

    /// The clock skew that an answer reports, if its signature is right.
    ///
    /// domain 0.12.3 takes the server's time as 8 octets where RFC 8945 §4.3.3 has the 6 of the
    /// record, so that it finds every such signature wrong.
    fn reported_skew(&self, answer: &Message<Vec<u8>>) -> Option<Verdict> {
        let (_, asked) = last_tsig(&self.bytes)?;
        let (start, told) = last_tsig(answer.as_slice())?;
        let server = told.other_time()?;
        if answer.header().rcode() != Rcode::NOTAUTH || told.error() != TsigRcode::BADTIME {
            return None;
        }
        let mut header = answer.header_section();
        header.header_mut().set_id(told.original_id());
        header.counts_mut().dec_arcount();
        let mut signed = Vec::new();
        signed.extend(u16::try_from(asked.mac().len()).ok()?.to_be_bytes());
        signed.extend(asked.mac_slice());
        signed.extend(header.as_slice());
        signed.extend(answer.as_slice().get(header.as_slice().len()..start)?);
        signed.extend(self.key.tsig().name().to_canonical_name::<Vec<u8>>().as_slice());
        signed.extend(Class::ANY.to_int().to_be_bytes());
        signed.extend(0_u32.to_be_bytes());
        signed.extend(self.key.tsig().algorithm().to_name().as_slice());
        signed.extend(told.time_signed().into_octets());
        signed.extend(told.fudge().to_be_bytes());
        signed.extend(told.error().to_int().to_be_bytes());
        signed.extend(6_u16.to_be_bytes());
        signed.extend(server.into_octets());
        hmac::verify(self.key.hmac(), &signed, told.mac_slice()).ok()?;
        Some(skew(told.time_signed(), server))
    }
}

/// A TSIG record's data, in its message.
type Told<'a> = Tsig<&'a [u8], ParsedName<&'a [u8]>>;

/// The TSIG record of a message, and where it begins.
fn last_tsig(message: &[u8]) -> Option<(usize, Told<'_>)> {
    let message = Message::from_slice(message).ok()?;
    let mut section = message.additional().ok()?;
    loop {
        let start = section.pos();
        let record = section.next()?.ok()?;
        if let Some(record) = record.into_record::<Tsig<_, _>>().ok()? {
            return Some((start, record.into_data()));
        }
    }
}

/// What the answer's own time, which is our request's, says against the server's.
fn skew(client: Time48, server: Time48) -> Verdict {
    let seconds = |time: Time48| i64::try_from(u64::from(time)).unwrap_or(i64::MAX);
    Verdict::ClockSkew(seconds(server) - seconds(client))
}

fn time(seconds: u64) -> Time48 {
    Time48::from_u64(seconds & 0xFFFF_FFFF_FFFF)
}
