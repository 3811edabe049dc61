//! One gateway takes the place of another: the listening sockets pass from process to process, and
//! with them whoever waits there.
//!
//! The predecessor starts the successor with one end of a socket as its standard input and sends
//! the listening sockets through it. Nothing is closed that somebody may be connecting to, so
//! nothing is refused or reset. What they say after that, in this order:
//!
//! | Who | Word | Meaning |
//! |---|---|---|
//! | successor | `ready` | everything that can fail has succeeded; `ready alone`: the predecessor must end its work first |
//! | predecessor | `go` | serve; what only one process may hold is free |
//! | successor | `serving` | the predecessor is not needed any more |
//!
//! Until `serving` the predecessor can take everything back.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use crate::server::{Passed, Socket, address};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    sockopt,
};
use rustix::process::getppid;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The variable that tells a successor whose it is: its predecessor's process id.
pub const VARIABLE: &str = "MULTICODE_PREDECESSOR";

/// A word, or a listener's name and what is said with it.
const MESSAGE: usize = 1024;

/// Before the address and the name of a listener whose socket comes along.
const SOCKET: &str = "socket ";

/// The same where a service manager has made the socket's file.
const KEPT: &str = "kept-socket ";

const ALL: &[u8] = b"all";
const GO: &[u8] = b"go";
const READY: &[u8] = b"ready";
const READY_ALONE: &[u8] = b"ready alone";
const SERVING: &[u8] = b"serving";

/// What a successor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It could serve.
    Ready {
        /// But not while its predecessor still works.
        alone: bool,
    },
    /// It serves.
    Serving,
}

/// The process that shall take this one's place.
#[derive(Debug)]
pub struct Successor {
    child: Child,
    channel: Arc<OwnedFd>,
    words: UnboundedReceiver<Word>,
}

impl Successor {
    /// Starts it and passes the sockets. Blocks until they are on their way.
    pub fn start(mut command: Command, sockets: &[Passed]) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let child = command
            .stdin(Stdio::from(theirs))
            .env(VARIABLE, std::process::id().to_string())
            .env_remove("LISTEN_FDNAMES")
            .spawn()?;
        // It holds the other end: without it a successor that dies would not be noticed.
        drop(command);
        let channel = Arc::new(ours);
        let (sender, words) = unbounded_channel();
        let mut successor = Self {
            child,
            channel,
            words,
        };
        if let Err(error) = successor.pass(sockets) {
            successor.end();
            return Err(error);
        }
        let channel = Arc::clone(&successor.channel);
        thread::Builder::new()
            .name("successor".into())
            .spawn(move || listen(&channel, &sender))?;
        Ok(successor)
    }

    fn pass(&self, sockets: &[Passed]) -> io::Result<()> {
        for passed in sockets {
            say_passed(self.channel.as_fd(), passed)?;
        }
        say(self.channel.as_fd(), ALL, None)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says next; nothing when it is gone, or says what nobody understands.
    pub async fn word(&mut self) -> Option<Word> {
        self.words.recv().await
    }

    /// Lets it serve.
    pub fn go(&self) -> io::Result<()> {
        say(self.channel.as_fd(), GO, None)
    }

    /// Sees to it that it is gone, and says how it ended.
    pub fn end(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        // It may have ended this moment.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

/// Passes on what the successor says until it is gone.
fn listen(channel: &OwnedFd, words: &UnboundedSender<Word>) {
    while let Ok(Some((message, _))) = hear(channel.as_fd()) {
        let word = match message.as_slice() {
            READY => Word::Ready { alone: false },
            READY_ALONE => Word::Ready { alone: true },
            SERVING => Word::Serving,
            _ => return,
        };
        if words.send(word).is_err() {
            return;
        }
    }
}

/// The process whose place this one shall take.
#[derive(Debug)]
pub struct Predecessor {
    channel: OwnedFd,
}

impl Predecessor {
    /// Finds it at the other end of the standard input, if `variable` names the process that
    /// started this one. The standard input is empty afterwards.
    pub fn find(variable: Option<&str>) -> io::Result<Option<Self>> {
        let named = variable.and_then(|pid| pid.parse().ok());
        let parent = getppid().map(|pid| pid.as_raw_nonzero().get());
        let stdin = io::stdin();
        let is_channel = || sockopt::socket_type(&stdin) == Ok(SocketType::SEQPACKET);
        if named.is_none() || named != parent || !is_channel() {
            return Ok(None);
        }
        let channel = stdin.as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Ok(Some(Self { channel }))
    }

    /// Takes the listening sockets. Blocks.
    pub fn sockets(&self) -> io::Result<Vec<Passed>> {
        let mut sockets = Vec::new();
        loop {
            let heard = hear(self.channel.as_fd())?;
            let (message, descriptor) = heard.ok_or(io::ErrorKind::UnexpectedEof)?;
            if message == ALL {
                return Ok(sockets);
            }
            let passed = passed(&message, descriptor).ok_or(io::ErrorKind::InvalidData)?;
            sockets.push(passed);
        }
    }

    /// Says that everything that can fail has succeeded, and whether the predecessor must end its
    /// work first; waits until this process may serve. `false`: the predecessor is gone without a
    /// word, and everything is free. Blocks.
    pub fn wait(&self, alone: bool) -> bool {
        let word = if alone { READY_ALONE } else { READY };
        let said = say(self.channel.as_fd(), word, None);
        let heard = said.and_then(|()| hear(self.channel.as_fd()));
        heard.is_ok_and(|heard| heard.is_some_and(|(word, _)| word == GO))
    }

    /// Says that this process serves.
    pub fn serving(self) {
        // Whoever is gone need not be told.
        let _ = say(self.channel.as_fd(), SERVING, None);
    }
}

/// `socket ADDRESS NAME`, the address as it is written in the files.
fn say_passed(channel: BorrowedFd<'_>, passed: &Passed) -> io::Result<()> {
    let word = if passed.kept { KEPT } else { SOCKET };
    let message = format!("{word}{} {}", address::word(&passed.written), passed.name);
    say(channel, message.as_bytes(), Some(passed.socket.as_fd()))
}

fn passed(message: &[u8], descriptor: Option<OwnedFd>) -> Option<Passed> {
    let text = str::from_utf8(message).ok()?;
    let (text, kept) = match text.strip_prefix(KEPT) {
        Some(text) => (text, true),
        None => (text.strip_prefix(SOCKET)?, false),
    };
    let (written, name) = text.split_once(' ')?;
    Some(Passed {
        name: name.into(),
        written: address::from_word(written)?,
        socket: Socket::try_from(descriptor?).ok()?,
        kept,
    })
}

fn say(channel: BorrowedFd<'_>, message: &[u8], socket: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let passed = socket.as_slice();
    if !passed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(passed)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let parts = [io::IoSlice::new(message)];
    sendmsg(channel, &parts, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next message and the descriptor that came along; nothing when the other end is gone.
fn hear(channel: BorrowedFd<'_>) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
    let mut message = vec![0; MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [io::IoSliceMut::new(&mut message)];
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(channel, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let descriptor = control.drain().find_map(|passed| match passed {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    if received.bytes == 0 {
        return Ok(None);
    }
    message.truncate(received.bytes);
    Ok(Some((message, descriptor)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    fn pair() -> (OwnedFd, OwnedFd) {
        let flags = SocketFlags::CLOEXEC;
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap()
    }

    #[test]
    fn sockets_arrive_with_their_names_and_still_listen() {
        let (ours, theirs) = pair();
        let written = "127.0.0.1:0";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a socket.sock");
        let all = [
            Passed {
                name: "one".into(),
                written: written.parse().unwrap(),
                socket: Socket::Tcp(TcpListener::bind(written).unwrap()),
                kept: false,
            },
            Passed {
                name: "two words".into(),
                written: format!("unix:{}", path.display()).parse().unwrap(),
                socket: Socket::Unix(UnixListener::bind(&path).unwrap()),
                kept: true,
            },
        ];
        for passed in &all {
            say_passed(ours.as_fd(), passed).unwrap();
        }
        say(ours.as_fd(), ALL, None).unwrap();
        let sockets = Predecessor { channel: theirs }.sockets().unwrap();
        for (passed, arrived) in all.iter().zip(&sockets) {
            assert_eq!(passed.name, arrived.name);
            assert_eq!(passed.written, arrived.written);
            assert_eq!(passed.kept, arrived.kept);
            match &arrived.socket {
                Socket::Tcp(socket) => {
                    let address = socket.local_addr().unwrap();
                    let _client = std::net::TcpStream::connect(address).unwrap();
                    socket.accept().unwrap();
                }
                Socket::Unix(socket) => {
                    let _client = UnixStream::connect(&path).unwrap();
                    socket.accept().unwrap();
                }
            }
        }
        assert_eq!(sockets.len(), 2);
    }

    #[test]
    fn a_predecessor_that_is_gone_leaves_everything_free() {
        let (ours, theirs) = pair();
        let predecessor = Predecessor { channel: theirs };
        say(ours.as_fd(), GO, None).unwrap();
        assert!(predecessor.wait(true));
        drop(ours);
        assert!(!predecessor.wait(true));
        assert!(predecessor.sockets().is_err());
    }
}
