//! What is left of a request when it is over: its line, its numbers; and the ports that tell of both.

mod agreement;
mod full_disk;
mod health;
mod labels;
mod leaving;
mod lines;
mod promtool;
mod tls;
mod usage;
