//! The message that people see: what happened, what to do about it, and the id to ask an operator about.

use super::{hint, About, Failure};

/// The code's sentence with its number, the first step of the hint, the correlation id.
pub(super) fn message(failure: &Failure, about: &About<'_>) -> String {
    let first_step = hint::filled(hint::advice(failure, about).act, failure, about);
    format!(
        "{}{} {first_step}. (sidegate {})",
        failure.code().message(),
        number(failure),
        about.correlation_id
    )
}

/// The window in the words of the hosted API, because clients search an error for just these to find the number.
fn number(failure: &Failure) -> String {
    match failure.window() {
        Some(tokens) if failure.code() == super::Code::ContextLengthExceeded => {
            format!(" This model's maximum context length is {tokens} tokens.")
        }
        _ => String::new(),
    }
}
