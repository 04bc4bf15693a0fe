//! A file's words as memory that processes share.
//!
//! The file must never become shorter while it is mapped: touching what is gone ends the process (SIGBUS). Whoever maps
//! one writes it in full before, never resizes it, and replaces it by renaming another over it.

use std::fs::File;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::mm::{mmap, munmap, MapFlags, ProtFlags};

const WORD_BYTES: usize = size_of::<AtomicU64>();

/// The words at the beginning of a file, shared with every process that maps the same file.
pub struct SharedWords {
    start: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: the memory belongs to this value alone until it is dropped, and is only ever reached as atomics.
#[allow(unsafe_code)]
unsafe impl Send for SharedWords {}

// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// Maps the first `count` words of a file that is open for reading and writing.
    ///
    /// # Errors
    /// The file is shorter than that, or the system or the file system can't map it.
    pub fn map(file: &File, count: usize) -> io::Result<SharedWords> {
        let bytes = count.saturating_mul(WORD_BYTES);
        let there = file.metadata()?.len();
        if count == 0 || usize::try_from(there).is_ok_and(|there| there < bytes) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        // SAFETY: the system chooses the place, so that no memory in use is replaced; the length isn't 0.
        #[allow(unsafe_code)]
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(SharedWords { start, count })
    }

    pub fn as_slice(&self) -> &[AtomicU64] {
        // SAFETY: `count` words were mapped, at the beginning of a page and so aligned, until `drop`; every pattern of
        // bits is a number; and whatever other processes do to them, this one reaches them as atomics only.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr(), self.count)
        }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped, and no reference to it outlives this value.
        #[allow(unsafe_code)]
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.count * WORD_BYTES) };
        debug_assert!(unmapped.is_ok(), "a mapping of our own can be given back");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn what_one_mapping_writes_the_other_and_the_file_see() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&[0; 64]).unwrap();
        let first = SharedWords::map(file.as_file(), 8).unwrap();
        let second = SharedWords::map(&file.reopen().map(writable(&file)).unwrap(), 8).unwrap();

        first.as_slice()[3].store(7, Ordering::Release);

        assert_eq!(second.as_slice()[3].load(Ordering::Acquire), 7);
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(bytes[24..32], 7u64.to_ne_bytes());
    }

    fn writable(file: &tempfile::NamedTempFile) -> impl Fn(File) -> File + '_ {
        |_| {
            let options = File::options().read(true).write(true).open(file.path());
            options.unwrap()
        }
    }

    #[test]
    fn a_file_that_is_too_short_is_not_mapped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&[0; 63]).unwrap();

        let refused = SharedWords::map(file.as_file(), 8).map(|_| ()).unwrap_err();

        assert_eq!(refused.kind(), io::ErrorKind::UnexpectedEof);
        assert!(SharedWords::map(file.as_file(), 0).is_err());
    }
}
