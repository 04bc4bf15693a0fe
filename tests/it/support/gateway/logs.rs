//! What the gateway has written: its logs and what it said on its way.

use std::path::PathBuf;

use serde_json::Value;

use super::{process, Gateway};
use crate::support::unpacked;
use crate::support::wait::eventually;

impl Gateway {
    pub fn logs_dir(&self) -> PathBuf {
        let configured = self.configured("logs.dir");
        let configured = configured
            .as_ref()
            .and_then(Value::as_str)
            .map(PathBuf::from);
        configured.unwrap_or_else(|| self.state_dir().join("logs"))
    }

    pub fn stdout(&self) -> String {
        process::text(self.home(), "stdout")
    }

    pub fn stderr(&self) -> String {
        process::text(self.home(), "stderr")
    }

    /// One log file as it is now; empty where there is none.
    pub fn log_text(&self, file: &str) -> String {
        let bytes = std::fs::read(self.logs_dir().join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The whole lines of a log file. A line that is no JSON is a law broken, and left out here.
    pub fn log_lines(&self, file: &str) -> Vec<Value> {
        whole_lines(&self.log_text(file))
    }

    /// Those of the old files, too.
    pub fn access_lines(&self) -> Vec<Value> {
        whole_lines(&unpacked::whole_log(&self.logs_dir(), "access"))
    }

    /// The access line of one request.
    pub fn access_line(&self, correlation_id: &str) -> Option<Value> {
        self.access_lines()
            .into_iter()
            .find(|line| line["correlation_id"] == correlation_id)
    }

    /// Waits for the access line of one request.
    pub async fn wait_access(&self, correlation_id: &str) -> Value {
        let what = format!("an access line for {correlation_id}");
        eventually(what, async || {
            self.access_line(correlation_id)
                .ok_or_else(|| self.log_text("access.jsonl"))
        })
        .await
    }

    /// Waits for a line of `gateway.jsonl` that `wanted` likes.
    pub async fn wait_log(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            let found = self.log_lines("gateway.jsonl").into_iter().find(&wanted);
            found.ok_or_else(|| self.log_text("gateway.jsonl"))
        })
        .await
    }
}

fn whole_lines(text: &str) -> Vec<Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}
