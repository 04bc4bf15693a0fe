use super::*;

/// A disk that holds so many bytes, and takes at most so many in one write.
struct SmallDisk {
    held: Vec<u8>,
    capacity: usize,
    largest_write: usize,
}

impl SmallDisk {
    fn new(capacity: usize, largest_write: usize) -> SmallDisk {
        SmallDisk {
            held: Vec::new(),
            capacity,
            largest_write,
        }
    }
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.capacity - self.held.len();
        if room == 0 {
            return Err(io::Error::from_raw_os_error(
                rustix::io::Errno::NOSPC.raw_os_error(),
            ));
        }
        let taken = bytes.len().min(room).min(self.largest_write);
        self.held.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for SmallDisk {
    fn size(&self) -> io::Result<u64> {
        Ok(self.held.len() as u64)
    }

    fn cut_to(&mut self, size: u64) -> io::Result<()> {
        self.held.truncate(size as usize);
        Ok(())
    }
}

#[test]
fn a_disk_that_fills_up_at_any_byte_is_left_with_whole_lines() {
    let lines = b"{\"n\":1}\n{\"n\":22}\n{\"n\":333}\n";
    for capacity in 0..lines.len() {
        for largest_write in [1, 5, 100] {
            let mut disk = SmallDisk::new(capacity, largest_write);
            let torn = append_lines(&mut disk, lines).unwrap_err();
            let size = cut_tail(&mut disk, torn.half_line_bytes).unwrap();
            assert_eq!(size as usize, torn.whole_bytes, "capacity {capacity}");
            assert_eq!(disk.held, &lines[..torn.whole_bytes]);
            assert!(disk.held.is_empty() || disk.held.ends_with(b"\n"));
            assert_eq!(torn.error.kind(), io::ErrorKind::StorageFull);
        }
    }
}

#[test]
fn short_writes_are_continued() {
    let mut disk = SmallDisk::new(1000, 3);
    append_lines(&mut disk, b"{\"n\":1}\n{\"n\":2}\n").unwrap();
    assert_eq!(disk.held, b"{\"n\":1}\n{\"n\":2}\n");
}

#[test]
fn only_whole_lines_fit() {
    let lines = b"aa\nbbb\nc\n";
    assert_eq!(fitting_lines(lines, 100, false), 9);
    assert_eq!(fitting_lines(lines, 9, false), 9);
    assert_eq!(fitting_lines(lines, 8, false), 7);
    assert_eq!(fitting_lines(lines, 3, false), 3);
    assert_eq!(fitting_lines(lines, 2, false), 0);
    assert_eq!(fitting_lines(lines, 2, true), 3);
    assert_eq!(fitting_lines(lines, 0, true), 3);
}
