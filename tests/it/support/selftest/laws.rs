//! The laws see what they are there to see.

use std::fs;
use std::io::Write;

use flate2::write::GzEncoder;
use flate2::Compression;

use crate::stage::Stage;
use crate::support::{laws, plain, Law};

const OLD_FILE: &str = "access-20260102T030405Z-000.jsonl.gz";

/// A line that tells the prompt, as nobody finds it who looks at the bytes of the file.
fn telling(stage: &Stage) -> Vec<u8> {
    let line = format!("{{\"prompt\":\"{}\"}}\n", stage.gateway.canaries().prompt);
    let mut file = GzEncoder::new(Vec::new(), Compression::best());
    file.write_all(line.as_bytes()).unwrap();
    file.finish().unwrap()
}

async fn complaints(stage: &Stage, law: Law) -> Vec<String> {
    let upstreams = [&stage.upstream];
    laws::of(&stage.gateway, &upstreams).complaints(law).await
}

#[tokio::test]
async fn a_secret_in_a_compressed_log_is_found() {
    let stage = Stage::start(plain::chat("yes")).await;
    assert_eq!(complaints(&stage, Law::L6).await, Vec::<String>::new());
    let path = stage.gateway.logs_dir().join(OLD_FILE);
    fs::write(&path, telling(&stage)).unwrap();
    let found = complaints(&stage, Law::L6).await;
    let expected = format!("the prompt stands in {}, unpacked, plain", path.display());
    assert_eq!(found, [expected]);
    fs::remove_file(path).unwrap();
    stage.end().await;
}

#[tokio::test]
async fn so_it_is_in_half_a_one_and_under_any_name() {
    let stage = Stage::start(plain::chat("yes")).await;
    let whole = telling(&stage);
    // Without its check sum and length.
    let half = &whole[..whole.len() - 8];
    let path = stage.gateway.state_dir().join("whatever");
    fs::write(&path, half).unwrap();
    assert_eq!(complaints(&stage, Law::L6).await.len(), 1);
    fs::remove_file(path).unwrap();
    stage.end().await;
}

#[tokio::test]
async fn a_compressed_log_that_is_cut_off_or_holds_half_a_line_breaks_a_law() {
    let stage = Stage::start(plain::chat("yes")).await;
    let path = stage.gateway.logs_dir().join(OLD_FILE);
    let whole = telling(&stage);
    fs::write(&path, &whole).unwrap();
    assert_eq!(complaints(&stage, Law::L9).await, Vec::<String>::new());
    fs::write(&path, &whole[..whole.len() - 8]).unwrap();
    assert_eq!(complaints(&stage, Law::L9).await.len(), 1);
    let mut torn = GzEncoder::new(Vec::new(), Compression::best());
    torn.write_all(b"{}\n{").unwrap();
    fs::write(&path, torn.finish().unwrap()).unwrap();
    assert_eq!(complaints(&stage, Law::L9).await.len(), 2);
    fs::remove_file(path).unwrap();
    stage.end().await;
}
