//! One signed session with an SMB server, and the few requests that a witness needs.

use smb2::client::Connection;
use smb2::msg::close::CloseRequest;
use smb2::msg::create::{
    CreateDisposition, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use smb2::msg::directory_info::parse_entries;
use smb2::msg::flush::FlushRequest;
use smb2::msg::query_directory::{
    FileInformationClass, QueryDirectoryFlags, QueryDirectoryRequest, QueryDirectoryResponse,
};
use smb2::msg::read::{ReadRequest, ReadResponse};
use smb2::msg::set_info::{InfoType, SetInfoRequest};
use smb2::pack::{Pack, ReadCursor, Unpack};
use smb2::types::flags::FileAccessMask;
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId, OplockLevel, TreeId};
use smb2::{CompoundOp, Frame, Session, Tree};

/// FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE and FILE_WRITE_THROUGH (MS-SMB2 2.2.13).
const DIRECTORY: u32 = 0x01;
const NO_DIRECTORY: u32 = 0x40;
const WRITE_THROUGH: u32 = 0x02;
/// FileRenameInformation (MS-FSCC 2.4).
const RENAME: u8 = 10;
/// How a listing is told: each entry with its attributes, which are not needed; the names alone
/// would do, but smb2 does not read those.
const ENTRIES: FileInformationClass = FileInformationClass::FileBothDirectoryInformation;
/// Longest listing, in bytes. The longest name of ours makes an entry of 248: what does not fit is
/// not needed to see that it is too much.
const LISTING: u32 = 16 * 1024;

/// What a server said no with, or how the session ended.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server answered with this status; the session is as it was.
    Status(NtStatus),
    /// The session is of no use any more.
    Broken(smb2::Error),
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

    /// The names in a folder that fit a pattern, in one round trip.
    pub(super) async fn names(&self, folder: &str, pattern: &str) -> Result<Vec<String>, Trouble> {
        let all = ShareAccess::FILE_SHARE_READ
            | ShareAccess::FILE_SHARE_WRITE
            | ShareAccess::FILE_SHARE_DELETE;
        let open = create(folder, FileAccessMask::FILE_READ_DATA, all, DIRECTORY);
        let query = QueryDirectoryRequest {
            file_information_class: ENTRIES,
            flags: QueryDirectoryFlags(QueryDirectoryFlags::RESTART_SCANS),
            file_index: 0,
            file_id: FileId::SENTINEL,
            output_buffer_length: LISTING,
            file_name: pattern.to_owned(),
        };
        let ops = [
            self.op(Command::Create, &open),
            self.op(Command::QueryDirectory, &query),
            self.op(Command::Close, &CLOSE),
        ];
        let [opened, listed, closed] = self.send(&ops).await?;
        self.closed(opened, closed).await?;
        let status = listed.header.status;
        if matches!(status, NtStatus::NO_SUCH_FILE | NtStatus::NO_MORE_FILES) {
            return Ok(Vec::new());
        }
        let listed: QueryDirectoryResponse = body(accepted(listed)?)?;
        let entries = parse_entries(ENTRIES, &listed.output_buffer).map_err(Trouble::Broken)?;
        Ok(entries.into_iter().map(|entry| entry.file_name).collect())
    }

    /// Gives a file another name that is not taken, and has that put on disk, in one round trip:
    /// the server does all of it or nothing, whatever becomes of this process or the network
    /// meanwhile. Nobody else may have the file open in any way (ShareAccess 0), so of two who
    /// rename it at the same time one is refused.
    ///
    /// FLUSH means the file. Samba does fsync for it, with which ext4, XFS and Btrfs put its new
    /// name on disk too.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), Trouble> {
        // Write access is what a server wants for FLUSH, delete access what it wants for RENAME.
        let access = FileAccessMask::FILE_WRITE_DATA | FileAccessMask::DELETE;
        let open = create(from, access, 0, NO_DIRECTORY | WRITE_THROUGH);
        let rename = SetInfoRequest {
            info_type: InfoType::File,
            file_info_class: RENAME,
            additional_information: 0,
            file_id: FileId::SENTINEL,
            buffer: rename_information(to),
        };
        let ops = [
            self.op(Command::Create, &open),
            self.op(Command::SetInfo, &rename),
            self.op(Command::Flush, &FLUSH),
            self.op(Command::Close, &CLOSE),
        ];
        let [opened, renamed, flushed, closed] = self.send(&ops).await?;
        self.closed(opened, closed).await?;
        accepted(renamed)?;
        // It has the new name, and whether it keeps it is not known.
        accepted(flushed).map_err(Trouble::breaks)?;
        Ok(())
    }

    /// Makes an empty file where there is none and has it put on disk, in one round trip.
    pub(super) async fn make(&self, name: &str) -> Result<(), Trouble> {
        let open = CreateRequest {
            create_disposition: CreateDisposition::FileCreate,
            ..create(name, FileAccessMask::FILE_WRITE_DATA, 0, NO_DIRECTORY | WRITE_THROUGH)
        };
        let ops = [
            self.op(Command::Create, &open),
            self.op(Command::Flush, &FLUSH),
            self.op(Command::Close, &CLOSE),
        ];
        let [opened, flushed, closed] = self.send(&ops).await?;
        self.closed(opened, closed).await?;
        accepted(flushed).map_err(Trouble::breaks)?;
        Ok(())
    }

    /// Reads the beginning of a file in one round trip.
    pub(super) async fn look(&self, name: &str, length: usize) -> Result<Vec<u8>, Trouble> {
        let share = ShareAccess::FILE_SHARE_READ;
        let open = create(name, FileAccessMask::FILE_READ_DATA, share, NO_DIRECTORY);
        let read = read(length);
        let ops = [
            self.op(Command::Create, &open),
            self.op(Command::Read, &read),
            self.op(Command::Close, &CLOSE),
        ];
        let [opened, text, closed] = self.send(&ops).await?;
        self.closed(opened, closed).await?;
        text_of(text)
    }

    /// Sees to it that nothing stays open of requests that were sent as one: a server may refuse
    /// the closing for what failed before it (MS-SMB2 3.3.5.2.7.2).
    async fn closed(&self, opened: Frame, closed: Frame) -> Result<(), Trouble> {
        let opened: CreateResponse = body(accepted(opened)?)?;
        if accepted(closed).is_ok() {
            return Ok(());
        }
        let close = CloseRequest { flags: 0, file_id: opened.file_id };
        let [closed] = self.send(&[self.op(Command::Close, &close)]).await?;
        // The server closes it with the connection.
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

/// These two mean the file of the request before them.
const FLUSH: FlushRequest = FlushRequest { file_id: FileId::SENTINEL };
const CLOSE: CloseRequest = CloseRequest { flags: 0, file_id: FileId::SENTINEL };

/// Opens what is there, with this access, others having that one.
fn create(name: &str, access: u32, share: u32, options: u32) -> CreateRequest {
    CreateRequest {
        requested_oplock_level: OplockLevel::None,
        impersonation_level: ImpersonationLevel::Impersonation,
        desired_access: FileAccessMask::new(access),
        file_attributes: 0,
        share_access: ShareAccess(share),
        create_disposition: CreateDisposition::FileOpen,
        create_options: options,
        name: name.to_owned(),
        create_contexts: Vec::new(),
    }
}

/// The new name of a file, from the top of the share, where nothing may have it already
/// (MS-FSCC 2.4.42.2).
fn rename_information(name: &str) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // Not replacing, and relative to no open directory.
    let mut information = vec![0; 16];
    information.extend(u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
    information.extend(name);
    information
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
