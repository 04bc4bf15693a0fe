//! What a running process can't change is listed as pending; the rest takes.

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::plain;

#[tokio::test]
async fn addresses_folder_and_threads_wait_for_a_restart_and_the_rest_takes() {
    let stage = Stage::start(plain::chat("yes")).await;
    let gateway = &stage.gateway;
    let elsewhere = gateway.home().join("elsewhere");
    gateway.edit("listen", "127.0.0.1:18787");
    gateway.edit("admin", "127.0.0.1:18788");
    gateway.edit("state_dir", elsewhere.display().to_string());
    gateway.edit("threads", 3);
    gateway.edit("routes.chat.alias", json!(["m", "n"]));

    let answer = gateway.admin_post("/reload").await.json();

    assert_eq!(answer["result"], "ok", "{answer}");
    let expected = json!(["listen", "admin", "state_dir", "threads"]);
    assert_eq!(answer["pending_restart"], expected);
    assert_eq!(
        gateway.status().await["config"]["pending_restart"],
        expected
    );
    // All of it goes on where it is.
    assert_eq!(stage.client().chat("n").send().await.status, 200);
    let (_, line) = stage.tell(&stage.chat()).await;
    assert_eq!(
        line["code"], "ok",
        "the logs stay in the folder that the process started with"
    );
    assert!(!elsewhere.exists(), "{elsewhere:?} was made");

    gateway.edit("listen", "127.0.0.1:0");
    gateway.edit("admin", "127.0.0.1:0");
    gateway.edit("state_dir", gateway.state_dir().display().to_string());
    gateway.edit("threads", Value::from(2));
    let answer = gateway.admin_post("/reload").await.json();
    assert_eq!(
        answer["pending_restart"],
        json!([]),
        "what is as it was waits for nothing"
    );
    stage.end().await;
}
