//! The field's own exam: the sixteen faults of FailoverBench (methodology v0.1) behind one configuration.
//!
//! Its catalogue is played by scripted upstreams and judged by its own checks, the advisory ones included. What was seen is
//! held against `docs/failoverbench.md`, so that the table there stays true.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::{laws, open_loop, Gateway, Reply, Upstream};

mod scenarios;
mod wall;

const CONFIG: &str = include_str!("bench/sidegate.yaml.txt");
const TABLE: &str = include_str!("../../docs/failoverbench.md");

/// The outage takes a minute and its requests come four seconds apart: a fifth of all that, cool-down included, keeps the
/// proportions, and with them what is asked of a gateway.
const SCALE: u32 = 5;

/// What both sides saw of one scenario.
pub struct Observed {
    id: String,
    reply: Reply,
    /// When each attempt reached the provider, and the fallback.
    primary: Vec<Instant>,
    fallback: Vec<Instant>,
}

impl Observed {
    fn took(&self) -> Duration {
        self.reply.took()
    }

    fn first_gap(&self) -> Option<Duration> {
        Some(*self.primary.get(1)? - *self.primary.first()?)
    }

    fn primary_within(&self, window: Duration) -> usize {
        let first = self.primary.first();
        let early = self
            .primary
            .iter()
            .filter(|at| Some(**at) < first.map(|first| *first + window));
        early.count()
    }

    /// Completion tokens, as the stream reports them.
    fn usage(&self) -> Option<u64> {
        let events = self.reply.events();
        let mut usages = events
            .iter()
            .filter_map(|event| event.json()?["usage"]["completion_tokens"].as_u64());
        usages.next_back()
    }

    /// Who the answer says has answered.
    fn model(&self) -> Option<String> {
        let first = self.reply.events().first()?.json()?;
        Some(first["model"].as_str()?.to_string())
    }
}

/// A gateway between the provider that breaks and the one that doesn't.
struct Exam {
    gateway: Gateway,
    primary: Upstream,
    fallback: Upstream,
}

impl Exam {
    async fn start(config: &str, down: Duration) -> Exam {
        let primary = Upstream::start(wall::primary(down)).await;
        let fallback = Upstream::start(wall::fallback()).await;
        let gateway = Gateway::builder()
            .upstream("primary", &primary)
            .upstream("fallback", &fallback)
            .without_key("primary")
            .without_key("fallback")
            .raw_yaml(config)
            .start()
            .await;
        Exam {
            gateway,
            primary,
            fallback,
        }
    }

    async fn ask(&self, model: &str) -> Reply {
        let request = self.gateway.client().chat(model).stream();
        let request = request.field("stream_options", serde_json::json!({"include_usage": true}));
        request
            .start()
            .await
            .finish_within(Duration::from_secs(100))
            .await
    }

    async fn sit(&self, id: &str) -> Observed {
        let reply = self.ask(&id.to_lowercase()).await;
        self.observed(id, reply)
    }

    fn observed(&self, id: &str, reply: Reply) -> Observed {
        let own = reply.correlation_id().expect("an id").to_string();
        let at = |upstream: &Upstream| {
            let seen = upstream.requests().into_iter();
            let own = seen.filter(|request| request.correlation_id() == Some(&own));
            own.map(|request| request.at).collect()
        };
        Observed {
            id: id.to_string(),
            primary: at(&self.primary),
            fallback: at(&self.fallback),
            reply,
        }
    }

    async fn end(&self) {
        laws::check(&self.gateway, &[&self.primary, &self.fallback]).await;
    }
}

/// One row of the table in the documentation.
#[derive(Debug)]
struct Row {
    primary: String,
    fallback: String,
    verdict: String,
}

fn table() -> BTreeMap<String, Row> {
    let cells = |line: &str| {
        let cells = line
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_string());
        cells.collect::<Vec<_>>()
    };
    let rows = TABLE.lines().filter(|line| line.starts_with("| S"));
    let row = |line: &str| {
        let cells = cells(line);
        let [id, _fault, _client, primary, fallback, verdict] = &cells[..] else {
            panic!("not a row of the table: {line}");
        };
        let (primary, fallback, verdict) = (primary.clone(), fallback.clone(), verdict.clone());
        (
            id.clone(),
            Row {
                primary,
                fallback,
                verdict,
            },
        )
    };
    rows.map(row).collect()
}

/// Whether it passes, and whether the table says what was seen.
fn judge(seen: &Observed) -> Vec<String> {
    let mut wrong = scenarios::complaints(seen);
    let verdict = if wrong.is_empty() { "pass" } else { "fail" };
    let table = table();
    let row = table
        .get(&seen.id)
        .unwrap_or_else(|| panic!("{} is not in the table", seen.id));
    let here = (
        seen.primary.len().to_string(),
        seen.fallback.len().to_string(),
        verdict.to_string(),
    );
    let there = (
        row.primary.clone(),
        row.fallback.clone(),
        row.verdict.clone(),
    );
    if here != there {
        wrong.push(format!("seen {here:?}, the table says {there:?}"));
    }
    wrong
        .iter()
        .map(|what| format!("{}: {what}", seen.id))
        .collect()
}

#[test]
fn the_table_has_every_scenario_once() {
    let expected = (1..=16)
        .map(|number| format!("S{number:02}"))
        .collect::<Vec<_>>();
    let rows = TABLE.lines().filter(|line| line.starts_with("| S")).count();
    assert_eq!(
        (table().into_keys().collect::<Vec<_>>(), rows),
        (expected, 16)
    );
}

/// The slow ones beside the others, which come one after the other, as in the exam.
#[tokio::test]
async fn fifteen_faults_are_passed_with_one_configuration() {
    let exam = Exam::start(CONFIG, Duration::ZERO).await;
    let quick = async {
        let mut seen = Vec::new();
        for id in [
            "S01", "S02", "S03", "S04", "S05", "S08", "S10", "S11", "S12", "S13", "S14", "S16",
        ] {
            seen.push(exam.sit(id).await);
        }
        seen
    };
    let slow = async { tokio::join!(exam.sit("S06"), exam.sit("S07"), exam.sit("S09")) };
    let (mut seen, (silent, late, stalled)) = tokio::join!(quick, slow);
    seen.extend([silent, late, stalled]);
    let wrong = seen.iter().flat_map(judge).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Healthy afterwards: a model without a fault, on a connection that is there.
    let alive = exam.ask("s03").await;
    assert_eq!(alive.text(), wall::answer_text());
    exam.end().await;
}

/// S15: twenty requests across an outage.
#[tokio::test]
async fn an_outage_is_served_through_and_over_when_it_is_over() {
    let (down, apart) = (
        Duration::from_secs(60) / SCALE,
        Duration::from_secs(4) / SCALE,
    );
    let scaled = CONFIG.replace("cool_down: 10s", "cool_down: 2s");
    assert_ne!(scaled, CONFIG);
    let exam = Exam::start(&scaled, down).await;
    let began = Instant::now();
    let client = exam.gateway.client();
    let replies = open_loop(20, apart, |_| {
        let request = client.chat("s15").stream();
        async move { request.send().await }
    });
    let replies = replies.await;
    for reply in &replies {
        assert_eq!(
            (reply.status, reply.text()),
            (200, wall::answer_text()),
            "{reply:?}"
        );
    }
    let recovered = began + down;
    let at_primary = exam.primary.requests();
    let outage = at_primary
        .iter()
        .filter(|request| request.at < recovered)
        .count();
    let most = table()["S15"]
        .primary
        .trim_start_matches("at most ")
        .parse::<usize>();
    assert!(
        outage <= most.expect("a number"),
        "{outage} attempts at a dead provider"
    );
    let back = at_primary
        .iter()
        .map(|request| request.at)
        .find(|at| *at >= recovered);
    let after = back.expect("the primary is used again") - recovered;
    assert!(
        after < Duration::from_secs(30) / SCALE,
        "back after {after:?}"
    );
    // Once it is back, everything goes there again.
    let last = replies
        .last()
        .and_then(|reply| reply.header("x-sidegate-upstream").map(str::to_string));
    let last = last.or_else(|| last_upstream(&exam, replies.last().expect("twenty")));
    assert_eq!(last.as_deref(), Some("primary"));
    assert_eq!(table()["S15"].verdict, "pass");
    exam.end().await;
}

/// By the log, where the head went out before anybody knew.
fn last_upstream(exam: &Exam, reply: &Reply) -> Option<String> {
    let line = exam.gateway.access_line(reply.correlation_id()?)?;
    Some(line["upstream"].as_str()?.to_string())
}
