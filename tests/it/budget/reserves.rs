//! What is reserved while a request is under way: the prompt by its bytes, and all that may be answered.

use super::*;

/// What the request reserves, seen while it hangs at the upstream.
async fn reserve_of(stage: &Stage, request: Request) -> u64 {
    settled(stage, 0).await;
    let running = under_way(stage, &request).await;
    let (_, reserved) = own_tokens(stage).await;
    running.leave().await;
    reserved
}

async fn hanging(more: impl FnOnce(Builder) -> Builder) -> Stage {
    let limits = json!({"budget": tokens(1_000_000)});
    stage_with(Answer::new().hang(), limits, more).await
}

fn padded(request: Request) -> Request {
    request.body_bytes(4 * PROMPT as usize)
}

#[tokio::test]
async fn the_limit_counts_once_for_each_choice() {
    let stage = hanging(|builder| builder).await;
    let client = stage.client();
    for (request, answers) in [
        (request(&stage), 50),
        (stream(&stage), 50),
        (request(&stage).field("n", 3), 150),
        (
            padded(client.chat("m").field("max_completion_tokens", 70)),
            70,
        ),
        (
            padded(
                client
                    .completions("m")
                    .field("max_tokens", 30)
                    .field("n", 2),
            ),
            60,
        ),
        (
            padded(client.responses("m").field("max_output_tokens", 40)),
            40,
        ),
        (padded(client.messages("m")), 64),
    ] {
        let said = request.sent().target;
        assert_eq!(
            reserve_of(&stage, request).await,
            PROMPT + answers,
            "{said}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn the_routes_limit_clamps_and_fills_in() {
    let stage = hanging(|builder| builder.set("routes.chat.max_tokens", 20)).await;
    let chat = || padded(stage.chat());
    for (request, answers) in [
        (chat().field("max_tokens", 1_000), 20),
        (chat().field("max_tokens", 10), 10),
        (chat(), 20),
        (chat().field("n", 4), 80),
    ] {
        assert_eq!(reserve_of(&stage, request).await, PROMPT + answers);
    }
    stage.end().await;
}

/// Nobody reserves everybody's budget by asking for what no model can say.
#[tokio::test]
async fn a_limit_beyond_all_models_is_none() {
    let stage = hanging(|builder| builder).await;
    let boundless = padded(stage.chat().field("max_tokens", 1_000_000_000_000_000_u64));
    assert_eq!(reserve_of(&stage, boundless).await, PROMPT + 131_072);
    let many = padded(stage.chat().field("max_tokens", 10).field("n", 1_000_000));
    assert_eq!(reserve_of(&stage, many).await, PROMPT + 1_280);
    stage.end().await;
}

#[tokio::test]
async fn each_prompt_of_a_list_has_an_answer() {
    let stage = hanging(|builder| builder).await;
    let request = |prompt: Value| stage.client().completions("m").field("prompt", prompt);
    let of = |prompt: Value| request(prompt).field("max_tokens", 1_000);
    let few = reserve_of(&stage, of(json!(["a", "b", "c"]))).await;
    assert!((3_000..3_100).contains(&few), "{few}");
    let tokens = reserve_of(&stage, of(json!([1, 2, 3]))).await;
    assert!((1_000..1_100).contains(&tokens), "{tokens}");
    stage.end().await;
}

/// As much as the model's window holds, where that is known.
#[tokio::test]
async fn an_answer_without_any_limit_reserves_a_window() {
    for (context, answer) in [(Value::Null, 4_096), (json!(8_192), 8_192)] {
        let stage = hanging(|builder| match context {
            Value::Null => builder,
            context => builder.set("routes.chat.targets.0.context", context),
        })
        .await;
        let reserve = reserve_of(&stage, padded(stage.chat())).await;
        assert_eq!(reserve, PROMPT + answer);
        stage.end().await;
    }
}

#[tokio::test]
async fn what_generates_nothing_reserves_its_prompt() {
    let stage = hanging(|builder| builder).await;
    let embedding = padded(stage.client().embeddings("m"));
    assert_eq!(reserve_of(&stage, embedding).await, PROMPT);
    stage.end().await;
}
