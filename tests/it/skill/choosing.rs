//! Which skill a request belongs to: the token's, else the one that it names.

use super::*;

/// The caller of all requests is bound to `mail`.
async fn bound() -> Stage {
    stage_with("description: any", plain::chat("yes"), |builder| {
        with_skill(builder, "shop", "").scopes("invoke:*,lane:* skill=mail")
    })
    .await
}

/// `skill` is whose it is in the records.
async fn expect_refused(
    stage: &Stage,
    request: &Request,
    (status, code): (u16, &str),
    skill: Option<&str>,
) {
    let (reply, line) = stage.tell(request).await;
    expect_failure(&reply, status, code);
    assert_eq!(line["skill"].as_str(), skill, "{line}");
    // Who had the word is known all the same.
    assert_eq!(
        (&line["route"], &line["attempts"]),
        (&json!("chat"), &json!(0)),
        "{line}"
    );
}

#[tokio::test]
async fn the_header_names_it() {
    let stage = stage_with("", plain::chat("yes"), |builder| {
        with_skill(builder, "shop", "")
    })
    .await;
    for name in ["mail", "shop"] {
        let (reply, line) = stage.tell(&of_skill(stage.chat(), name)).await;
        assert_eq!((reply.status, &line["skill"]), (200, &json!(name)));
        let seen = stage.last_seen();
        assert!(
            !seen.head.contains(name),
            "a skill is ours alone: {}",
            seen.head
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_bound_token_is_in_its_skill_with_or_without_a_header() {
    let stage = bound().await;
    for request in [stage.chat(), mail(&stage)] {
        let (reply, line) = stage.tell(&request).await;
        assert_eq!((reply.status, &line["skill"]), (200, &json!("mail")));
    }
    stage.end().await;
}

#[tokio::test]
async fn a_bound_token_names_no_other() {
    let stage = bound().await;
    for name in ["shop", "nobody", "Mail", ""] {
        let request = of_skill(stage.chat(), name);
        expect_refused(&stage, &request, (403, "insufficient_scope"), Some("mail")).await;
    }
    for second in ["mail", "shop"] {
        let twice = mail(&stage).another_header("x-sidegate-skill", second);
        expect_refused(&stage, &twice, (403, "insufficient_scope"), Some("mail")).await;
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_header_that_is_there_is_never_passed_over() {
    let stage = stage("", plain::chat("yes")).await;
    for name in [
        "nobody",
        "Mail",
        "mail2",
        "",
        "mail,mail",
        "../mail",
        "\u{e9}",
    ] {
        println!("-- {name:?}");
        let request = of_skill(stage.chat(), name);
        expect_refused(&stage, &request, (400, "skill_unknown"), None).await;
    }
    let twice = mail(&stage).another_header("x-sidegate-skill", "mail");
    expect_refused(&stage, &twice, (400, "skill_unknown"), None).await;
    let other_case = mail(&stage).another_header("X-Sidegate-Skill", "mail");
    expect_refused(&stage, &other_case, (400, "skill_unknown"), None).await;
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_token_bound_to_nothing_is_warned_of_and_refused() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.scopes("invoke:* skill=gone")
    })
    .await;

    expect_refused(&stage, &stage.chat(), (400, "skill_unknown"), None).await;

    let check = stage.gateway.run(&["check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
    let said = check.stdout.clone() + &check.stderr;
    assert!(said.contains("gone"), "{check:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_skill_opens_no_route_that_its_caller_may_not_use() {
    let stage = stage_with("", plain::chat("yes"), |builder| {
        builder.scopes("invoke:other")
    })
    .await;
    for name in ["mail", "nobody"] {
        let reply = of_skill(stage.chat(), name).send().await;
        expect_failure(&reply, 403, "insufficient_scope");
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn who_may_not_speak_learns_nothing_of_skills() {
    let stage = stage("", plain::chat("yes")).await;
    for name in ["mail", "nobody"] {
        let stranger = of_skill(stage.chat(), name).token("canaryWrongToken");
        expect_failure(&stranger.send().await, 401, "invalid_token");
    }
    stage.end().await;
}
