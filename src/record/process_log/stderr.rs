//! Stderr that can't hold anybody up.
//!
//! A pipe that nobody reads (`sidegate serve 2>&1 | less`) blocks whoever writes to it once it is full, so
//! while requests run only a thread of its own does; what that can't take is dropped.

use std::io::Write;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// Lines that may wait for a reader.
const WAITING_LINES: usize = 256;

enum Order {
    Write(String),
    /// Answer when all before is written.
    Flush(SyncSender<()>),
}

/// Direct at first, so that nothing of a failed start is lost; from a thread later.
#[derive(Default)]
pub struct Stderr {
    thread: OnceLock<SyncSender<Order>>,
}

impl Stderr {
    /// From now on [`Stderr::write`] never waits. Where there is no thread to be had, it stays direct.
    pub fn use_a_thread(&self) {
        if self.thread.get().is_some() {
            return;
        }
        let (orders, to_do) = sync_channel(WAITING_LINES);
        let started = thread::Builder::new()
            .name("stderr".to_owned())
            .spawn(move || carry_out(to_do));
        if started.is_ok() {
            // Somebody else was faster: our thread ends with its sender.
            let _ = self.thread.set(orders);
        }
    }

    pub fn write(&self, line: &str) {
        match self.thread.get() {
            // Full: the reader has stopped reading, and the line is in gateway.jsonl too.
            Some(orders) => drop(orders.try_send(Order::Write(line.to_owned()))),
            None => write_now(line),
        }
    }

    /// Waits until what was written before is out, at most `patience`; whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let Some(orders) = self.thread.get() else {
            return true;
        };
        let (done, is_done) = sync_channel(1);
        orders.try_send(Order::Flush(done)).is_ok() && is_done.recv_timeout(patience).is_ok()
    }
}

fn carry_out(to_do: Receiver<Order>) {
    for order in to_do {
        match order {
            Order::Write(line) => write_now(&line),
            // Who asked may have lost patience.
            Order::Flush(done) => drop(done.try_send(())),
        }
    }
}

fn write_now(line: &str) {
    // There is nowhere left to complain to.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
