use super::*;
use proptest::prelude::*;
use std::time::Duration;

fn wall(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_000 + millis)
}

fn old(names: &[&str]) -> OldFiles {
    OldFiles::of(names.iter().copied(), "access")
}

#[test]
fn an_old_file_is_named_by_its_moment() {
    let moment = Moment::after(None, wall(678)).unwrap();
    let names = Form::ALL.map(|form| name("access", moment, form));
    assert_eq!(
        names,
        [
            "access-20260102T030405Z-000.jsonl",
            "access-20260102T030405Z-000.jsonl.gz",
            "access-20260102T030405Z-000.jsonl.gz.tmp",
        ]
    );
    for (form, name) in Form::ALL.into_iter().zip(&names) {
        assert_eq!(parse(name, "access"), Some((moment, form)));
    }
}

#[test]
fn strangers_are_no_old_files() {
    for stranger in [
        "access.jsonl",
        "access-notes.jsonl",
        "access-20260102T030405Z-000.jsonl.bak",
        "access-20260102T030405Z-000.gz",
        "access-20260102T030405Z-0.jsonl",
        "access-20260102T030405Z-+00.jsonl",
        "access-20260102T030405Z-1000.jsonl",
        "access- 20260102T030405Z-000.jsonl",
        "access-20261302T030405Z-000.jsonl",
        "access-20260102T030405-000.jsonl",
        "gateway-20260102T030405Z-000.jsonl",
        "access-20260102T030405Z-000.jsonl\n",
    ] {
        assert_eq!(parse(stranger, "access"), None, "{stranger:?}");
    }
}

#[test]
fn a_second_that_is_used_up_goes_over_into_the_next() {
    let (last, _) = parse("access-20261231T235959Z-999.jsonl", "access").unwrap();
    let next = Moment::after(Some(last), wall(0)).unwrap();
    assert_eq!(next.to_string(), "20270101T000000Z-000");
}

#[test]
fn the_calendar_has_an_end() {
    let (last, _) = parse("access-99991230T220000Z-999.jsonl", "access").unwrap();
    assert_eq!(Moment::after(Some(last), wall(0)), None);
}

#[test]
fn two_forms_of_a_file_are_one_file() {
    let old = old(&[
        "access-20260101T000000Z-000.jsonl.gz",
        "access-20260102T000000Z-000.jsonl",
        "access-20260102T000000Z-000.jsonl.gz",
        "access-20260103T000000Z-000.jsonl",
        "access-20260103T000000Z-000.jsonl.gz.tmp",
        "gateway-20260104T000000Z-000.jsonl",
        "access.jsonl",
    ]);
    let surplus: Vec<String> = old.surplus(2).map(|moment| moment.to_string()).collect();
    assert_eq!(surplus, ["20260101T000000Z-000"]);
    let kept: Vec<Forms> = old.kept(2).map(|(_, forms)| forms).collect();
    let forms = |plain, compressed| Forms { plain, compressed };
    assert_eq!(kept, [forms(true, true), forms(true, false)]);
    assert_eq!(old.unfinished, [old.newest().unwrap()]);
    assert_eq!(old.surplus(0).count(), 3);
    assert_eq!(old.surplus(1000).count(), 0);
}

proptest! {
    /// Whatever the clock does, each file's name sorts behind the one before it.
    #[test]
    fn names_sort_by_age_even_when_the_clock_goes_back(
        walls in prop::collection::vec(0_u64..5_000, 1..200),
    ) {
        let mut last: Option<Moment> = None;
        for millis in walls {
            let next = Moment::after(last, wall(millis)).unwrap();
            if let Some(last) = last {
                prop_assert!(next > last);
                prop_assert!(next.to_string() > last.to_string());
            }
            prop_assert_eq!(Moment::parse(&next.to_string()), Some(next));
            last = Some(next);
        }
    }
}
