//! The places of an answer that are worth a look, and how one gets there.

/// How many levels of containers lead to them: the answer, `choices`, one choice.
pub(super) const DEPTH: usize = 3;

/// What a value of an answer is, should it have the right kind: `choices` as an object has no items, so
/// nothing is found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Choices,
    Choice,
    FinishReason,
    StopReason,
    Status,
    IncompleteDetails,
    IncompleteReason,
    Model,
    Usage,
    Error,
    Elsewhere,
}

impl Place {
    /// What an item of this array is.
    pub fn item(self) -> Place {
        match self {
            Place::Choices => Place::Choice,
            _ => Place::Elsewhere,
        }
    }

    /// What this object has under a key.
    pub fn member(self, key: &str) -> Place {
        match (self, key) {
            (Place::Root, "choices") => Place::Choices,
            (Place::Root, "stop_reason") => Place::StopReason,
            (Place::Root, "status") => Place::Status,
            (Place::Root, "incomplete_details") => Place::IncompleteDetails,
            (Place::Root, "model") => Place::Model,
            (Place::Root, "usage") => Place::Usage,
            (Place::Root, "error") => Place::Error,
            (Place::Choice, "finish_reason") => Place::FinishReason,
            (Place::IncompleteDetails, "reason") => Place::IncompleteReason,
            _ => Place::Elsewhere,
        }
    }

    /// Whether [`Place::member`] can answer anything but elsewhere.
    pub fn has_known_keys(self) -> bool {
        matches!(self, Place::Root | Place::Choice | Place::IncompleteDetails)
    }

    /// Whether a string here is worth keeping.
    pub fn is_text(self) -> bool {
        matches!(
            self,
            Place::FinishReason
                | Place::StopReason
                | Place::Status
                | Place::IncompleteReason
                | Place::Model
        )
    }
}
