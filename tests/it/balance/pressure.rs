//! `least_busy` adds what others have at a server to our own requests there, as long as the server's word is fresh.

use super::*;

/// Requests that a server says it runs and has waiting, changed by the test at any time.
#[derive(Clone, Default)]
struct Busy(Arc<[AtomicU32; 2]>);

impl Busy {
    fn set(&self, running: u32, waiting: u32) {
        self.0[0].store(running, Ordering::Relaxed);
        self.0[1].store(waiting, Ordering::Relaxed);
    }

    /// As vLLM writes it.
    fn metrics(&self) -> Answer {
        let [running, waiting] = [0, 1].map(|at| self.0[at].load(Ordering::Relaxed));
        let text = format!(
            "vllm:num_requests_running{{engine=\"0\"}} {running}.0\n\
             vllm:num_requests_waiting{{engine=\"0\"}} {waiting}.0\n\
             vllm:kv_cache_usage_perc{{engine=\"0\"}} 0.25\n"
        );
        plain::status(200, &[("content-type", "text/plain")], text)
    }

    fn script(&self) -> Script {
        let busy = self.clone();
        Script::by(move |ask| match ask.head.first_line.starts_with("GET ") {
            true => busy.metrics(),
            false => plain::chat("served"),
        })
    }
}

fn pool(gateway: Builder) -> Builder {
    let pressure = serde_json::json!({"path": "/metrics", "every": "200ms"});
    gateway
        .set("upstreams.a.family", "vllm")
        .set("upstreams.a.pressure", pressure)
        .pool("pool", "pool", &["a", "b"])
}

async fn stage(busy: &Busy) -> Stage {
    Stage::set_up(busy.script(), plain::chat("served"), pool).await
}

async fn wait_waiting(stage: &Stage, wanted: Option<f64>) {
    let labels = [("upstream", "a")];
    let what = format!("sidegate_upstream_waiting {wanted:?}");
    stage
        .gateway
        .wait_metrics(&what, |metrics| {
            metrics.value("sidegate_upstream_waiting", &labels) == wanted
        })
        .await;
}

#[tokio::test]
async fn who_is_busy_with_others_requests_is_spared() {
    let busy = Busy::default();
    let stage = stage(&busy).await;
    busy.set(4, 3);
    wait_waiting(&stage, Some(3.0)).await;

    let request = stage.gateway.client().chat("pool");
    for _ in 0..6 {
        assert_eq!(served_by(&request).await, "b");
    }

    busy.set(0, 0);
    wait_waiting(&stage, Some(0.0)).await;
    let both = [served_by(&request).await, served_by(&request).await];
    assert_eq!(
        BTreeSet::from(both).len(),
        2,
        "equally busy ones take turns"
    );
    laws::check(&stage.gateway, &[&stage.a, &stage.b]).await;
}

#[tokio::test]
async fn its_word_is_shown_while_it_is_fresh() {
    let busy = Busy::default();
    let stage = stage(&busy).await;
    busy.set(4, 3);
    wait_waiting(&stage, Some(3.0)).await;
    let status = stage.gateway.status().await;
    let upstreams = status["upstreams"].as_array().expect("upstreams");
    let shown: Vec<_> = upstreams
        .iter()
        .map(|one| [&one["running"], &one["waiting"], &one["kv_cache_ratio"]])
        .collect();
    let null = serde_json::Value::Null;
    assert_eq!(
        shown[0].map(|it| it.as_f64()),
        [Some(4.0), Some(3.0), Some(0.25)]
    );
    assert_eq!(shown[1], [&null, &null, &null], "nobody asked b");

    // It says nothing more: after a while nothing is known of it, and it is asked like any other.
    stage.a.go_down().await;
    wait_waiting(&stage, None).await;
    let metrics = stage.gateway.metrics().await;
    assert_eq!(
        metrics.value("sidegate_upstream_kv_cache_ratio", &[("upstream", "a")]),
        None
    );
    laws::check(&stage.gateway, &[&stage.b]).await;
}

#[tokio::test]
async fn a_server_without_these_metrics_is_told_of_once() {
    let script = Script::new()
        .target("GET /metrics", plain::status(200, &[], "other_metric 1\n"))
        .otherwise(plain::chat("served"));
    let stage = Stage::set_up(script, plain::chat("served"), pool).await;
    eventually("several readings", async || {
        match stage.a.requests().len() {
            seen if seen >= 4 => Ok(()),
            seen => Err(format!("{seen}")),
        }
    })
    .await;

    let log = stage.gateway.log_text("gateway.jsonl");
    let told = log
        .matches("upstream a answers its metrics path, but")
        .count();
    assert_eq!(told, 1, "{log}");
    laws::check(&stage.gateway, &[&stage.a, &stage.b]).await;
}
