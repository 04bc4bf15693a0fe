//! Every failure that can be provoked, once each, its whole answer held against a file.

mod clocks;
mod golden;
mod leaks;
mod list;
mod refused;
mod shapes;
mod stopping;
mod upstream;
