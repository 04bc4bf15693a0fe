//! Several processes on one file, and processes that are killed at any instant.
//!
//! The helper processes are this test binary itself, which runs [`helper`] alone and finds its task in the environment.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::layout::{header, FILE_BYTES, RECORD_WORDS};
use super::super::word::{pack, unpack};
use super::super::{Breakers, Picture, Slot};
use super::*;
use crate::platform::{boot_id, since_boot};

const TASK: &str = "SIDEGATE_BREAKER_TEST_TASK";
const FILE: &str = "SIDEGATE_BREAKER_TEST_FILE";

/// What each helper's requests use.
const HASTE: Duration = Duration::from_millis(2);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breakers.v1");
    (folder, path)
}

fn keys() -> Vec<Key> {
    let both = |port| [key(port, "a"), key(port, "b")];
    [8000, 8001, 8002].into_iter().flat_map(both).collect()
}

fn slots(breakers: &Breakers) -> Vec<Slot> {
    keys().iter().map(|key| breakers.slot(key)).collect()
}

fn now() -> BootMillis {
    BootMillis::from(since_boot())
}

/// This binary again, doing `task` with `path`. It writes to its standard error, which the harness leaves alone.
pub(super) fn helper_command(task: &str, path: &Path) -> Command {
    let here = module_path!().split_once("::").unwrap().1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("{here}::helper"), "--nocapture"])
        .env(TASK, task)
        .env(FILE, path);
    command
}

fn start(task: &str, path: &Path) -> Helper {
    let mut command = helper_command(task, path);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Helper(command.spawn().unwrap())
}

struct Helper(Child);

impl Helper {
    /// Returns after so many steps of the helper.
    fn wait_for(&mut self, steps: usize) {
        let mut bytes = vec![0; steps];
        self.0
            .stderr
            .as_mut()
            .unwrap()
            .read_exact(&mut bytes)
            .unwrap();
        assert!(
            bytes.iter().all(|byte| *byte == b'.'),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }

    fn go(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"!").unwrap();
    }

    fn said(mut self) -> String {
        let mut text = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(self.0.wait().unwrap().success(), "{text}");
        text
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn helper() {
    let (Ok(task), Some(path)) = (std::env::var(TASK), std::env::var_os(FILE)) else {
        return;
    };
    let path = PathBuf::from(path);
    match task.as_str() {
        "hammer" => hammer(&path),
        "make" => make(&path),
        "fail once" => fail_once(&path),
        "open" => say(&super::short_of::outcome(&path)),
        _ => panic!("no such task: {task}"),
    }
}

fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

/// Requests without end that go every way a request can go.
fn hammer(path: &Path) {
    let (breakers, _) = Breakers::open(path, boot_id());
    let slots = slots(&breakers);
    let mut random = u64::from(std::process::id()) | 1 << 40;
    loop {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let slot = &slots[(random % 6) as usize];
        let rule = Rule::new(2, HASTE);
        match (slot.ask(now(), HASTE), random >> 8 & 7) {
            (Ok(permit), 0) => drop(permit.success(now())),
            (Ok(permit), 1..=3) => drop(permit.failure(now(), rule)),
            (Ok(permit), 4..=5) => drop(permit.failed_to_connect(now(), rule)),
            (Ok(permit), _) => drop(permit),
            (Err(_), 0) => drop(slot.reset(now())),
            (Err(_), _) => {}
        }
        say(".");
    }
}

/// Makes the file again and again, and takes all slots in it.
fn make(path: &Path) {
    loop {
        let _ = std::fs::remove_file(path);
        say(".");
        slots(&Breakers::open(path, boot_id()).0);
    }
}

fn fail_once(path: &Path) {
    say(".");
    std::io::stdin().read_exact(&mut [0]).unwrap();
    let (breakers, problem) = Breakers::open(path, boot_id());
    let slot = breakers.slot(&key(8000, "a"));
    let rule = Rule::new(1000, Duration::from_secs(1));
    slot.ask(now(), HASTE).unwrap().failure(now(), rule);
    if let Some(problem) = problem {
        say(&problem.to_string());
    }
}

/// The file as the next process will find it: every record whole or taken by a key of ours alone, every word a state.
fn assert_whole(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(bytes.len(), FILE_BYTES);
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap()))
        .collect();
    let mut records = words.chunks_exact(RECORD_WORDS);
    assert_eq!(records.next().unwrap(), header(boot_id().unwrap()));
    let known: HashSet<_> = keys().iter().map(|key| *key.marks()).collect();
    let mut seen = HashSet::new();
    let mut rest = records.skip_while(|record| {
        let [first, second, address, word] = **record else {
            panic!()
        };
        if first == 0 {
            return false;
        }
        let owner = known
            .iter()
            .find(|marks| marks.key[0] == first)
            .expect("a key of ours");
        assert!(second == owner.key[1] || second == 0);
        assert!(address == owner.address || address == 0 && word == 0);
        assert!(second != 0 || address == 0);
        assert!(seen.insert(first), "one record a key");
        assert_eq!(pack(unpack(word)), word);
        assert_eq!(unpack(word).healed(now()), unpack(word));
        true
    });
    assert!(
        rest.all(|record| record == [0; RECORD_WORDS]),
        "records are taken in order"
    );
}

#[test]
fn a_hundred_kills_leave_a_file_that_everybody_understands() {
    let (_folder, path) = folder();
    drop(Breakers::open(&path, boot_id()));
    for round in 0..50 {
        let mut helpers = [start("hammer", &path), start("hammer", &path)];
        helpers[0].wait_for(1 + round * 37 % 300);
        helpers[1].wait_for(1 + round * 91 % 200);
        drop(helpers);

        assert_whole(&path);
        let (breakers, problem) = Breakers::open(&path, boot_id());
        assert!(problem.is_none() && breakers.is_shared());
        let later = now().plus(Duration::from_secs(1));
        for slot in slots(&breakers) {
            let permit = slot
                .ask(later, HASTE)
                .expect("what the dead held falls free");
            permit.success(later);
        }
    }
    let picture = Picture::read(&path, boot_id()).unwrap();
    assert_eq!(picture.views(now()).count(), keys().len());
}

#[test]
fn who_is_killed_while_making_the_file_leaves_none_or_a_whole_one() {
    let (_folder, path) = folder();
    for round in 0..50 {
        let mut helper = start("make", &path);
        helper.wait_for(1 + round % 10);
        drop(helper);

        if path.exists() {
            assert_whole(&path);
        }
        let (breakers, problem) = Breakers::open(&path, boot_id());
        assert!(problem.is_none(), "{}", problem.unwrap());
        assert!(breakers.is_shared());
        slots(&breakers);
        assert_whole(&path);
    }
}

#[test]
fn processes_that_start_at_once_share_one_file() {
    let (_folder, path) = folder();
    let mut helpers: Vec<Helper> = (0..8).map(|_| start("fail once", &path)).collect();
    for helper in &mut helpers {
        helper.wait_for(1);
    }
    for helper in &mut helpers {
        helper.go();
    }
    for helper in helpers {
        assert_eq!(helper.said(), "");
    }
    let (breakers, _) = Breakers::open(&path, boot_id());
    assert_eq!(breakers.slot(&key(8000, "a")).look(now()).failures, 8);
}

#[test]
fn threads_that_open_it_at_once_share_one_file_however_it_began() {
    for round in 0..40 {
        let (_folder, path) = folder();
        match round % 3 {
            0 => {}
            1 => std::fs::write(&path, "no breaker file").unwrap(),
            _ => drop(Breakers::open(
                &path,
                Some(crate::platform::BootId::from_bytes([9; 16])),
            )),
        }
        let barrier = std::sync::Barrier::new(8);
        let rule = Rule::new(1000, Duration::from_secs(1));
        let problems: usize = std::thread::scope(|scope| {
            let open = || {
                barrier.wait();
                let (breakers, problem) = Breakers::open(&path, boot_id());
                assert!(breakers.is_shared());
                breakers
                    .slot(&key(8000, "a"))
                    .ask(NOW, HASTE)
                    .unwrap()
                    .failure(NOW, rule);
                usize::from(problem.is_some())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        let failures = Picture::read(&path, boot_id())
            .unwrap()
            .look(&key(8000, "a"), NOW)
            .failures;
        assert_eq!(
            (failures, problems),
            (8, usize::from(round % 3 == 1)),
            "round {round}"
        );
    }
}

#[test]
fn what_one_process_opens_another_finds_open() {
    let (_folder, path) = folder();
    let here = slots(&Breakers::open(&path, boot_id()).0);
    let there = slots(&Breakers::open(&path, boot_id()).0);
    for _ in 0..5 {
        there[0]
            .ask(NOW, LEASE)
            .unwrap()
            .failed_to_connect(NOW, rule());
    }
    assert!(here[0].ask(NOW, LEASE).is_err());
    assert!(
        here[1].ask(NOW, LEASE).is_err(),
        "the other model at the address too"
    );
    assert!(here[2].ask(NOW, LEASE).is_ok());
    let probe = there[0].ask(after(300), LEASE).unwrap();
    assert!(probe.is_probe() && here[0].ask(after(300), LEASE).is_err());
}
