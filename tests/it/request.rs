//! What a request says, what of it is refused, and what of it reaches an upstream, byte for byte.

mod answer_head;
mod body;
mod correlation;
mod keys;
mod limits;
mod media;
mod paths;
mod route;
mod upstream_head;
mod usage;
