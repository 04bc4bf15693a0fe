//! The message that people see: what happened, what to do about it, and the id to ask an operator about.

use super::{hint, About, Code, Failure};

/// The code's sentence with what is known beside it, the first step of the hint, the correlation id.
pub(super) fn message(failure: &Failure, about: &About<'_>) -> String {
    let first_step = hint::filled(hint::advice(failure, about).act, failure, about);
    format!(
        "{}{} {first_step}. (sidegate {})",
        failure.code().message(),
        detail(failure),
        about.correlation_id
    )
}

/// The window in the words of the hosted API, because clients search an error for just these to find the number; the name
/// that was probably meant; the rule that is broken.
fn detail(failure: &Failure) -> String {
    if let Some(rule) = failure.broken_rule() {
        return format!(" The rule is `{rule}`.");
    }
    match (failure.code(), failure.window(), failure.nearest_name()) {
        (Code::ContextLengthExceeded, Some(tokens), _) => {
            format!(" This model's maximum context length is {tokens} tokens.")
        }
        (Code::UnknownModel, _, Some(name)) => format!(" Did you mean `{name}`?"),
        _ => String::new(),
    }
}
