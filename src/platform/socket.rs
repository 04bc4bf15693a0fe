//! Looks at another task's socket without taking anything from it.

use std::os::fd::{BorrowedFd, RawFd};

use rustix::net::RecvFlags;

/// A look at a socket that somebody else owns and reads.
#[derive(Debug, Clone, Copy)]
pub struct SocketWatch {
    descriptor: RawFd,
}

impl SocketWatch {
    /// The caller keeps the socket open for as long as the watch is used.
    pub fn new(descriptor: RawFd) -> Option<SocketWatch> {
        (descriptor >= 0).then_some(SocketWatch { descriptor })
    }

    /// The other side closed or reset the connection. Bytes that wait to be read mean that it is still there.
    pub fn is_closed(&self) -> bool {
        // SAFETY: the watch is made for a client's connection and used only while its request is being handled; the
        // session that owns the descriptor lives until that is over.
        #[allow(unsafe_code)]
        let socket = unsafe { BorrowedFd::borrow_raw(self.descriptor) };
        let mut byte = [0u8; 1];
        match rustix::net::recv(socket, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((0, _)) => true,
            Ok(_) => false,
            Err(error) => !matches!(error, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR),
        }
    }
}
