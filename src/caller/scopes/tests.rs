use super::*;

#[test]
fn every_scope_is_read_and_written_back() {
    let column = "admin,lane:batch,invoke:z,invoke:a,models,invoke:*";
    let scopes = Scopes::parse(column).unwrap();
    assert!(scopes.invokes("anything") && scopes.lists_models() && scopes.is_admin());
    assert_eq!(scopes.routes().collect::<Vec<_>>(), ["a", "z"]);
    assert_eq!(scopes.lanes().collect::<Vec<_>>(), [Lane::Batch]);
    assert_eq!(
        scopes.to_string(),
        "invoke:*,invoke:a,invoke:z,lane:batch,models,admin"
    );
    assert_eq!(Scopes::parse(&scopes.to_string()), Ok(scopes));
}

#[test]
fn both_lanes_are_the_same_as_all_lanes() {
    assert_eq!(
        Scopes::parse("lane:batch,lane:interactive"),
        Scopes::parse("lane:*")
    );
    assert_eq!(Scopes::parse("lane:*").unwrap().to_string(), "lane:*");
}

#[test]
fn each_wrong_scope_is_told_with_its_place() {
    let table = [
        ("modles", "scope 1: unknown; did you mean `models`?"),
        ("admin,Admin", "scope 2: unknown; did you mean `admin`?"),
        ("invoke:a,lane:bacth", "scope 2: what follows `lane:` is no lane (interactive, batch or *); did you mean `lane:batch`?"),
        ("invoke:", "scope 1: `invoke:` names no route; every route is `invoke:*`"),
        ("*", "scope 1: `*` is no scope; every route is `invoke:*`, and nothing gives `admin` but `admin`"),
        ("invoke:a,", "scope 2: nothing stands between two commas, or after the last one"),
    ];
    for (column, text) in table {
        assert_eq!(
            Scopes::parse(column),
            Err(vec![text.to_string()]),
            "{column}"
        );
    }
    let misspelt = Scopes::parse("invok:chat").unwrap_err();
    assert!(
        misspelt[0].contains("did you mean `invoke:…`?"),
        "{misspelt:?}"
    );
}

#[test]
fn all_wrong_scopes_are_told_at_once() {
    assert_eq!(
        Scopes::parse("x,invoke:ok,y,,admin:*").unwrap_err().len(),
        4
    );
}

#[test]
fn what_may_be_a_secret_is_not_repeated() {
    let secret = "Zq8-canary-Xw7r";
    for column in [
        secret.to_string(),
        format!("lane:{secret}"),
        format!("{secret}:a"),
        format!("invoke:{secret}!"),
        format!("invoke:sg_{}", secret.repeat(3)),
    ] {
        let texts = Scopes::parse(&column).unwrap_err().join("\n");
        assert!(!texts.contains("canary"), "{texts}");
    }
}
