//! The client's ledger: every exchange of a run, however it ended.

use std::sync::{Arc, Mutex};

use super::client::Reply;

#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<Reply>>>);

impl Ledger {
    pub fn enter(&self, reply: &Reply) {
        self.0.lock().expect("no panic held it").push(reply.clone());
    }

    pub fn replies(&self) -> Vec<Reply> {
        self.0.lock().expect("no panic held it").clone()
    }
}
