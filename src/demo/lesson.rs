//! What each model name of the demo shows: one table for the routes, the stand-ins' behaviour and the banner.

/// What a stand-in does when it is asked for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Speaks,
    /// The head and the role at once, the first word after two seconds.
    SpeaksLate,
    /// Some words, then the connection is gone.
    Cuts,
    /// 503, as vLLM says it.
    IsOverloaded,
    /// 500, with much that is nobody's business.
    Breaks,
}

/// Where a route sends its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// To both stand-ins by turns.
    Both,
    /// To the second one when the first one can't.
    FirstThenSecond,
    /// First to a port that refuses every connection.
    NobodyThenSecond,
}

/// One model name, which is a route and its alias too.
#[derive(Debug)]
pub struct Lesson {
    pub model: &'static str,
    /// For the banner: what there is to see.
    pub shows: &'static str,
    pub first: Behaviour,
    pub second: Behaviour,
    pub targets: Targets,
    /// The answer is held back until it is whole.
    pub held: bool,
}

const fn lesson(model: &'static str, shows: &'static str) -> Lesson {
    Lesson {
        model,
        shows,
        first: Behaviour::Speaks,
        second: Behaviour::Speaks,
        targets: Targets::FirstThenSecond,
        held: false,
    }
}

/// The one that the banner's first line asks for.
pub const PLAIN: &str = "demo";

pub const LESSONS: [Lesson; 7] = [
    Lesson {
        targets: Targets::Both,
        ..lesson(PLAIN, "both stand-ins speak, by turns")
    },
    Lesson {
        first: Behaviour::IsOverloaded,
        ..lesson(
            "demo-503",
            "the first stand-in answers 503, the second one serves",
        )
    },
    Lesson {
        targets: Targets::NobodyThenSecond,
        ..lesson(
            "demo-down",
            "the first upstream refuses the connection, the second one serves",
        )
    },
    Lesson {
        first: Behaviour::SpeaksLate,
        second: Behaviour::SpeaksLate,
        targets: Targets::Both,
        ..lesson("demo-slow", "the first word comes after two seconds")
    },
    Lesson {
        first: Behaviour::Cuts,
        ..lesson("demo-cut", "the stream breaks off: its last event says so")
    },
    Lesson {
        first: Behaviour::Cuts,
        held: true,
        ..lesson(
            "demo-cut-held",
            "the same with `commit: whole`: repaired before anybody sees it",
        )
    },
    Lesson {
        first: Behaviour::Breaks,
        second: Behaviour::Breaks,
        ..lesson(
            "demo-error",
            "both stand-ins fail: the summary says what to do, and nothing of theirs",
        )
    },
];

/// What the first or the second stand-in does for a model; names that are none of ours are served.
pub fn behaviour(model: &str, is_first: bool) -> Behaviour {
    let found = LESSONS.iter().find(|lesson| lesson.model == model);
    found.map_or(Behaviour::Speaks, |lesson| match is_first {
        true => lesson.first,
        false => lesson.second,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_stand_in_is_overloaded() {
        assert_eq!(behaviour("demo-503", true), Behaviour::IsOverloaded);
        assert_eq!(behaviour("demo-503", false), Behaviour::Speaks);
        assert_eq!(behaviour("anything", true), Behaviour::Speaks);
    }

    #[test]
    fn every_lesson_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            LESSONS.iter().map(|lesson| lesson.model).collect();
        assert_eq!(names.len(), LESSONS.len());
        assert!(names.contains(PLAIN));
    }
}
