//! One signed session with an SMB server, and the few requests that a witness needs.

use smb2::client::Connection;
use smb2::msg::close::CloseRequest;
use smb2::msg::create::{
    CreateDisposition, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use smb2::msg::flush::FlushRequest;
use smb2::msg::read::{ReadRequest, ReadResponse};
use smb2::msg::write::WriteRequest;
use smb2::pack::{Pack, ReadCursor, Unpack};
use smb2::types::flags::FileAccessMask;
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId, OplockLevel, TreeId};
use smb2::{CompoundOp, Frame, Session, Tree};

/// FILE_NON_DIRECTORY_FILE and FILE_WRITE_THROUGH (MS-SMB2 2.2.13).
const NO_DIRECTORY: u32 = 0x40;
const WRITE_THROUGH: u32 = 0x02;
/// Where the data of a WRITE begin: after the header and the fixed part (MS-SMB2 2.2.21).
const DATA_OFFSET: u16 = 0x70;

/// What a server said no with, or how the session ended.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server answered with this status; the session is as it was.
    Status(NtStatus),
    /// The session is of no use any more.
    Broken(smb2::Error),
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Open {
    /// For a compare-and-swap: nobody else may have it open in any way (ShareAccess 0).
    Alone,
    /// The same, and made if it is not there.
    AloneOrNew,
    /// For a look: others may look too.
    Look,
}

/// A session, signed in and connected to the share. Dropping it closes its connection, and with it
/// the server closes every file that it has open.
pub(super) struct Wire {
    connection: Connection,
    tree: TreeId,
}

impl Wire {
    /// Signs in on a new connection and connects to a share. A session that is not signed is
    /// refused.
    pub(super) async fn sign_in(
        mut connection: Connection,
        share: &str,
        user: (&str, &str, &str),
    ) -> Result<Wire, smb2::Error> {
        let (name, password, domain) = user;
        let session = Session::setup(&mut connection, name, password, domain).await?;
        if !session.should_sign && !session.should_encrypt {
            return Err(smb2::Error::Auth { message: "the session is not signed".to_owned() });
        }
        let tree = Tree::connect(&mut connection, share).await?;
        Ok(Wire { connection, tree: tree.tree_id })
    }

    /// Whether the connection has not ended, as far as is known.
    pub(super) fn alive(&self) -> bool {
        !self.connection.is_disconnected()
    }

    /// Opens a file alone and reads its beginning, in one round trip. Of a new or empty file
    /// nothing is read.
    pub(super) async fn open(
        &self,
        name: &str,
        open: Open,
        length: usize,
    ) -> Result<(FileId, Vec<u8>), Trouble> {
        let (create, read) = (create(name, open), read(length));
        let ops = [self.op(Command::Create, &create), self.op(Command::Read, &read)];
        let [created, text] = self.send(&ops).await?;
        let opened: CreateResponse = body(accepted(created)?)?;
        Ok((opened.file_id, text_of(text)?))
    }

    /// Reads the beginning of a file in one round trip, after which it is closed whatever becomes
    /// of this process.
    pub(super) async fn look(&self, name: &str, length: usize) -> Result<Vec<u8>, Trouble> {
        let (create, read) = (create(name, Open::Look), read(length));
        let close = CloseRequest { flags: 0, file_id: FileId::SENTINEL };
        let ops = [
            self.op(Command::Create, &create),
            self.op(Command::Read, &read),
            self.op(Command::Close, &close),
        ];
        let [created, text, closed] = self.send(&ops).await?;
        accepted(created)?;
        let text = text_of(text)?;
        accepted(closed).map_err(Trouble::breaks)?;
        Ok(text)
    }

    /// Writes to an open file, has it put on disk and closes it, in one round trip.
    pub(super) async fn write_and_close(
        &self,
        file_id: FileId,
        offset: u64,
        data: &[u8],
    ) -> Result<(), Trouble> {
        let write = WriteRequest {
            data_offset: DATA_OFFSET,
            offset,
            file_id,
            channel: 0,
            remaining_bytes: 0,
            write_channel_info_offset: 0,
            write_channel_info_length: 0,
            flags: 0,
            data: data.to_vec(),
        };
        // These two mean the file of the request before them.
        let flush = FlushRequest { file_id: FileId::SENTINEL };
        let close = CloseRequest { flags: 0, file_id: FileId::SENTINEL };
        let ops = [
            self.op(Command::Write, &write),
            self.op(Command::Flush, &flush),
            self.op(Command::Close, &close),
        ];
        for answer in self.send::<3>(&ops).await? {
            // Whether the file is open still is not known then; the server closes it with the
            // connection.
            accepted(answer).map_err(Trouble::breaks)?;
        }
        Ok(())
    }

    /// Closes a file.
    pub(super) async fn close(&self, file_id: FileId) -> Result<(), Trouble> {
        let close = CloseRequest { flags: 0, file_id };
        let [closed] = self.send(&[self.op(Command::Close, &close)]).await?;
        accepted(closed).map_err(Trouble::breaks)?;
        Ok(())
    }

    fn op<'a>(&self, command: Command, body: &'a dyn Pack) -> CompoundOp<'a> {
        CompoundOp::new(command, body, Some(self.tree))
    }

    /// Sends requests as one, and gives their answers.
    async fn send<const N: usize>(&self, ops: &[CompoundOp<'_>]) -> Result<[Frame; N], Trouble> {
        let answers = self.connection.execute_compound(ops).await.map_err(Trouble::Broken)?;
        let answers: Result<Vec<Frame>, smb2::Error> = answers.into_iter().collect();
        let count = smb2::Error::InvalidData { message: "not one answer a request".to_owned() };
        answers.map_err(Trouble::Broken)?.try_into().map_err(|_| Trouble::Broken(count))
    }
}

impl Trouble {
    /// The session is of no use after this.
    fn breaks(self) -> Trouble {
        match self {
            Trouble::Status(status) => {
                Trouble::Broken(smb2::Error::Protocol { status, command: Command::Close })
            }
            Trouble::Broken(error) => Trouble::Broken(error),
        }
    }
}

fn create(name: &str, open: Open) -> CreateRequest {
    let access = match open {
        Open::Alone | Open::AloneOrNew => {
            FileAccessMask::FILE_READ_DATA | FileAccessMask::FILE_WRITE_DATA
        }
        Open::Look => FileAccessMask::FILE_READ_DATA,
    };
    let share = if open == Open::Look { ShareAccess::FILE_SHARE_READ } else { 0 };
    let disposition = match open {
        Open::AloneOrNew => CreateDisposition::FileOpenIf,
        Open::Alone | Open::Look => CreateDisposition::FileOpen,
    };
    CreateRequest {
        requested_oplock_level: OplockLevel::None,
        impersonation_level: ImpersonationLevel::Impersonation,
        desired_access: FileAccessMask::new(access),
        file_attributes: 0,
        share_access: ShareAccess(share),
        create_disposition: disposition,
        create_options: NO_DIRECTORY | WRITE_THROUGH,
        name: name.to_owned(),
        create_contexts: Vec::new(),
    }
}

fn read(length: usize) -> ReadRequest {
    ReadRequest {
        padding: 0x50,
        flags: 0,
        length: u32::try_from(length).unwrap_or(u32::MAX),
        offset: 0,
        file_id: FileId::SENTINEL,
        minimum_count: 0,
        channel: 0,
        remaining_bytes: 0,
        read_channel_info: Vec::new(),
    }
}

/// An answer that is not a refusal.
fn accepted(answer: Frame) -> Result<Frame, Trouble> {
    let status = answer.header.status;
    match status {
        NtStatus::SUCCESS => Ok(answer),
        // The server ended the session or the connection to the share.
        NtStatus::USER_SESSION_DELETED | NtStatus::NETWORK_NAME_DELETED => {
            let command = answer.header.command;
            Err(Trouble::Broken(smb2::Error::Protocol { status, command }))
        }
        _ => Err(Trouble::Status(status)),
    }
}

/// What a READ of an open file gave.
fn text_of(answer: Frame) -> Result<Vec<u8>, Trouble> {
    if answer.header.status == NtStatus::END_OF_FILE {
        return Ok(Vec::new());
    }
    let read: ReadResponse = body(accepted(answer).map_err(Trouble::breaks)?)?;
    Ok(read.data)
}

fn body<T: Unpack>(answer: Frame) -> Result<T, Trouble> {
    T::unpack(&mut ReadCursor::new(&answer.body)).map_err(Trouble::Broken)
}
