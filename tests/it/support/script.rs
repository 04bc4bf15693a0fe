//! What a scripted upstream does: which answer for which request, and that answer step by step.
//!
//! Rules are tried in order and the first that fits decides. A rule that asks for the body makes the upstream
//! read the body first; an answer that reads nothing must therefore stand before every such rule.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::wait::Latch;
use super::wire::Head;

/// One thing that an upstream does.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Bytes),
    /// So many bytes a write, with a pause after each but the last.
    SendSplit {
        bytes: Bytes,
        every: usize,
        gap: Duration,
    },
    Wait(Duration),
    /// Waits until the test opens it.
    WaitFor(Latch),
    /// Tells the test that the script has come this far.
    Open(Latch),
    /// Closes politely: FIN (TLS: close_notify first).
    CloseFin,
    /// Closes with FIN where TLS would say goodbye first; without TLS the same as `CloseFin`.
    CloseWithoutNotify,
    /// Closes with RST, unsent bytes thrown away.
    CloseReset,
    /// Stays silent with the connection open, until the other side leaves.
    Hang,
    /// The body of the request is never read. Only as the first step.
    ReadNothing,
}

/// Steps, in order. After the last one the connection is kept for the next request.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub steps: Vec<Step>,
}

impl Answer {
    pub fn new() -> Self {
        Answer::default()
    }

    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub fn send(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    pub fn send_split(self, bytes: impl Into<Bytes>, every: usize, gap: Duration) -> Self {
        self.step(Step::SendSplit {
            bytes: bytes.into(),
            every,
            gap,
        })
    }

    pub fn wait(self, duration: Duration) -> Self {
        self.step(Step::Wait(duration))
    }

    pub fn wait_for(self, latch: &Latch) -> Self {
        self.step(Step::WaitFor(latch.clone()))
    }

    pub fn open(self, latch: &Latch) -> Self {
        self.step(Step::Open(latch.clone()))
    }

    pub fn close_fin(self) -> Self {
        self.step(Step::CloseFin)
    }

    pub fn close_reset(self) -> Self {
        self.step(Step::CloseReset)
    }

    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// The same answer without ever reading the body.
    pub fn reading_nothing(self) -> Self {
        Answer {
            steps: vec![Step::ReadNothing],
        }
        .then(self)
    }

    /// The same answer after a pause.
    pub fn after(self, pause: Duration) -> Self {
        Answer::new().wait(pause).then(self)
    }

    pub fn then(mut self, next: Answer) -> Self {
        self.steps.extend(next.steps);
        self
    }

    /// Closes as soon as the head of the request is here, its body unread: FIN, or RST where bytes of it had
    /// already arrived (that is what every kernel makes of it).
    pub fn close_after_head() -> Self {
        Answer::new().close_fin().reading_nothing()
    }

    pub fn reads_nothing(&self) -> bool {
        matches!(self.steps.first(), Some(Step::ReadNothing))
    }
}

/// The request that an answer is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// 1 for the first request that this upstream ever saw.
    pub nth: usize,
    /// 1 for the first request on its connection.
    pub nth_on_connection: usize,
    /// Index of the connection, from 0.
    pub connection: usize,
    pub head: &'a Head,
    pub body: &'a [u8],
}

impl Ask<'_> {
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or(Value::Null)
    }

    /// The model that the body names.
    pub fn model(&self) -> Option<String> {
        Some(self.json().get("model")?.as_str()?.to_string())
    }

    /// The nonce that the test's client put into the prompt.
    pub fn nonce(&self) -> Option<String> {
        super::client::nonces(self.body).into_iter().next()
    }
}

type Choose = Arc<dyn Fn(&Ask) -> Answer + Send + Sync>;

#[derive(Clone)]
enum When {
    Always,
    Nth(usize),
    NthOnConnection(usize),
    Header(String, String),
    Target(String),
    Model(String),
}

/// Rules and, for keep-alive, when a quiet or old connection is closed.
#[derive(Clone, Default)]
pub struct Script {
    rules: Vec<(When, bool, Choose)>,
    /// An idle connection is closed after this; `None`: never.
    pub idle: Option<Duration>,
    /// A connection is closed after so many requests; `None`: never.
    pub requests: Option<usize>,
}

impl From<Answer> for Script {
    fn from(answer: Answer) -> Self {
        Script::new().otherwise(answer)
    }
}

impl Script {
    pub fn new() -> Self {
        Script::default()
    }

    /// The first request gets the first answer and so on; the last one goes on for ever.
    pub fn sequence(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers = answers.into_iter().collect::<Vec<_>>();
        let last = answers.pop().expect("a sequence has at least one answer");
        let numbered = answers.into_iter().enumerate();
        let script = numbered.fold(Script::new(), |script, (i, answer)| {
            script.nth(i + 1, answer)
        });
        script.otherwise(last)
    }

    /// The answer is made for each request, its body included.
    pub fn by(answer: impl Fn(&Ask) -> Answer + Send + Sync + 'static) -> Self {
        Script {
            rules: vec![(When::Always, true, Arc::new(answer))],
            ..Script::default()
        }
    }

    /// For the n-th request of all, from 1.
    pub fn nth(self, n: usize, answer: Answer) -> Self {
        self.rule(When::Nth(n), answer)
    }

    /// For the n-th request on its connection, from 1.
    pub fn nth_on_connection(self, n: usize, answer: Answer) -> Self {
        self.rule(When::NthOnConnection(n), answer)
    }

    pub fn model(self, model: &str, answer: Answer) -> Self {
        self.rule(When::Model(model.into()), answer)
    }

    pub fn header(self, name: &str, value: &str, answer: Answer) -> Self {
        self.rule(When::Header(name.into(), value.into()), answer)
    }

    /// For one method and path, as in `GET /health`.
    pub fn target(self, method_and_path: &str, answer: Answer) -> Self {
        self.rule(When::Target(method_and_path.into()), answer)
    }

    pub fn otherwise(self, answer: Answer) -> Self {
        self.rule(When::Always, answer)
    }

    pub fn closing_idle_after(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    pub fn closing_after_requests(mut self, requests: usize) -> Self {
        self.requests = Some(requests);
        self
    }

    fn rule(mut self, when: When, answer: Answer) -> Self {
        let needs_body = matches!(when, When::Model(_));
        self.rules
            .push((when, needs_body, Arc::new(move |_| answer.clone())));
        self
    }

    /// The answer, if it is one that reads nothing: known from the head alone.
    pub(super) fn before_the_body(&self, ask: &Ask) -> Option<Answer> {
        let head_rules = self
            .rules
            .iter()
            .take_while(|(_, needs_body, _)| !needs_body);
        let (_, _, answer) = head_rules.into_iter().find(|(when, ..)| when.fits(ask))?;
        Some(answer(ask)).filter(Answer::reads_nothing)
    }

    /// The answer; a request that no rule is for is a mistake of the test, and says so as a 599.
    pub(super) fn choose(&self, ask: &Ask) -> Answer {
        let fitting = self.rules.iter().find(|(when, ..)| when.fits(ask));
        let none =
            || super::plain::status(599, &[], "the test's script has no answer for this request");
        fitting.map_or_else(none, |(_, _, answer)| answer(ask))
    }
}

impl When {
    fn fits(&self, ask: &Ask) -> bool {
        match self {
            When::Always => true,
            When::Nth(n) => ask.nth == *n,
            When::NthOnConnection(n) => ask.nth_on_connection == *n,
            When::Header(name, value) => ask.head.get(name) == Some(value),
            When::Target(target) => ask.head.first_line.starts_with(&format!("{target} ")),
            When::Model(model) => ask.model().as_ref() == Some(model),
        }
    }
}
