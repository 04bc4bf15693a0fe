//! Asks macOS by `proc_pidinfo` of `<libproc.h>`.
//!
//! An answer of another length than its structure here is none: the structures are of the system, and it may change them.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use super::ProcessFacts;

/// `PROC_PIDTBSDINFO` and `PROC_PIDTASKINFO` of `<sys/proc_info.h>`.
const OF_THE_PROCESS: c_int = 3;
const OF_THE_TASK: c_int = 4;

/// `proc_bsdinfo` there.
#[repr(C)]
struct Process {
    _ids_and_names: [u8; 120],
    start_seconds: u64,
    start_microseconds: u64,
}

/// `proc_taskinfo` there.
#[repr(C)]
struct Task {
    virtual_bytes: u64,
    resident_bytes: u64,
    /// In the ticks of [`Timebase`], as the next.
    user_ticks: u64,
    system_ticks: u64,
    _ticks_of_threads: [u64; 2],
    _counts: [i32; 9],
    threads: i32,
    _running_threads: i32,
    _priority: i32,
}

/// `mach_timebase_info_data_t` of `<mach/mach_time.h>`: a tick is so many nanoseconds.
#[repr(C)]
struct Timebase {
    numerator: u32,
    denominator: u32,
}

extern "C" {
    fn proc_pidinfo(
        pid: c_int,
        flavor: c_int,
        argument: u64,
        answer: *mut c_void,
        length: c_int,
    ) -> c_int;

    fn mach_timebase_info(timebase: *mut Timebase) -> c_int;
}

pub fn facts() -> ProcessFacts {
    let started = ask::<Process>(OF_THE_PROCESS)
        .map(|process| process.start_seconds as f64 + process.start_microseconds as f64 / 1e6);
    let Some(task) = ask::<Task>(OF_THE_TASK) else {
        return ProcessFacts {
            started,
            ..ProcessFacts::default()
        };
    };
    let ticks = task.user_ticks.saturating_add(task.system_ticks);
    ProcessFacts {
        cpu_seconds: tick_seconds().map(|tick| ticks as f64 * tick),
        resident_bytes: Some(task.resident_bytes),
        virtual_bytes: Some(task.virtual_bytes),
        threads: u64::try_from(task.threads).ok(),
        started,
        ..ProcessFacts::default()
    }
}

/// What the system tells of us in a structure of numbers.
fn ask<T>(flavor: c_int) -> Option<T> {
    let pid = c_int::try_from(std::process::id()).ok()?;
    let length = c_int::try_from(size_of::<T>()).ok()?;
    let mut answer = MaybeUninit::<T>::uninit();
    // SAFETY: no more than `length` bytes are written, and the answer has room for them.
    #[allow(unsafe_code)]
    let written = unsafe { proc_pidinfo(pid, flavor, 0, answer.as_mut_ptr().cast(), length) };
    if written != length {
        return None;
    }
    // SAFETY: all of its bytes were written; it is made of numbers, and any bytes are numbers.
    #[allow(unsafe_code)]
    Some(unsafe { answer.assume_init() })
}

fn tick_seconds() -> Option<f64> {
    let mut timebase = Timebase {
        numerator: 0,
        denominator: 0,
    };
    // SAFETY: it writes the two numbers.
    #[allow(unsafe_code)]
    let failed = unsafe { mach_timebase_info(&mut timebase) } != 0;
    let nanoseconds = f64::from(timebase.numerator) / f64::from(timebase.denominator);
    (!failed && nanoseconds.is_finite()).then_some(nanoseconds / 1e9)
}
