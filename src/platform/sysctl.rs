//! What macOS tells about itself by name; `sysctl NAME` prints the same.

use std::ffi::{c_char, c_int, c_void, CStr};

/// Longer than any text asked for here.
const ROOM: usize = 64;

extern "C" {
    fn sysctlbyname(
        name: *const c_char,
        old: *mut c_void,
        old_length: *mut usize,
        new: *mut c_void,
        new_length: usize,
    ) -> c_int;
}

pub fn text(name: &CStr) -> Option<String> {
    let (bytes, _) = read(name)?;
    let text = CStr::from_bytes_until_nul(&bytes).ok()?;
    text.to_str().ok().map(str::to_owned)
}

/// A number that C calls `int`; none where it is of another size.
pub fn number(name: &CStr) -> Option<c_int> {
    let (bytes, length) = read(name)?;
    let bytes = bytes.first_chunk()?;
    (length == bytes.len()).then(|| c_int::from_ne_bytes(*bytes))
}

/// The answer's bytes, and how many they are.
fn read(name: &CStr) -> Option<([u8; ROOM], usize)> {
    let mut bytes = [0; ROOM];
    let mut length = ROOM;
    // SAFETY: the name ends with a zero byte, and `length` says how many bytes may be written to `bytes`.
    #[allow(unsafe_code)]
    let result = unsafe {
        sysctlbyname(
            name.as_ptr(),
            bytes.as_mut_ptr().cast(),
            &mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    (result == 0).then_some((bytes, length))
}
