use super::*;

fn server(port: u16, models: &[&str]) -> Server {
    let model = |name: &&str| Model {
        name: (*name).to_owned(),
        context: None,
        embeds: name.contains("embed"),
        loaded: None,
    };
    Server {
        url: format!("http://127.0.0.1:{port}/v1"),
        family: Family::Vllm,
        models: Models::Listed(models.iter().map(model).collect()),
        key_file: None,
    }
}

fn unsaid(port: u16) -> Server {
    Server {
        models: Models::Unsaid,
        ..server(port, &[])
    }
}

/// Each route as `name: aliases -> upstream/model`.
fn routes(plan: &Plan) -> Vec<String> {
    let target = |target: &PlannedTarget| {
        let model = target.model.as_deref().unwrap_or("*");
        format!("{}/{model}", target.upstream)
    };
    let line = |route: &PlannedRoute| {
        let targets: Vec<String> = route.targets.iter().map(target).collect();
        format!(
            "{}: {} -> {}",
            route.name,
            route.aliases.join(" "),
            targets.join(" ")
        )
    };
    plan.routes.iter().map(line).collect()
}

#[test]
fn clients_go_on_using_the_name_they_have() {
    let plan = plan(vec![server(1, &["Org/Some-Model", "llama3.2:3b"])]);
    assert_eq!(
        routes(&plan),
        [
            "chat: Org/Some-Model default -> vllm/Org/Some-Model",
            "llama3.2-3b: llama3.2:3b -> vllm/llama3.2:3b"
        ]
    );
}

#[test]
fn two_servers_with_the_same_model_share_a_route() {
    let plan = plan(vec![server(1, &["m"]), server(2, &["m"])]);
    assert_eq!(routes(&plan), ["chat: m default -> vllm/m vllm-2/m"]);
}

#[test]
fn a_model_that_makes_vectors_is_no_default() {
    let both = plan(vec![server(1, &["embed-a", "talker"])]);
    assert_eq!(
        routes(&both),
        [
            "embed-a: embed-a -> vllm/embed-a",
            "chat: talker default -> vllm/talker"
        ]
    );
    let one = plan(vec![server(1, &["embed-a"])]);
    assert_eq!(routes(&one), ["embed-a: embed-a -> vllm/embed-a"]);
}

#[test]
fn files_of_one_name_in_two_folders_stay_apart() {
    let plan = plan(vec![server(1, &["/a/x.gguf", "/b/x.gguf"])]);
    assert_eq!(
        routes(&plan),
        [
            "chat: x default -> vllm//a/x.gguf",
            "x.gguf: /b/x.gguf -> vllm//b/x.gguf"
        ]
    );
}

#[test]
fn only_one_server_gets_the_names_that_nobody_knows() {
    let plan = plan(vec![
        unsaid(1),
        server(2, &["m"]),
        unsaid(3),
        server(4, &[]),
    ]);
    assert_eq!(
        routes(&plan),
        ["other: * -> vllm/*", "chat: m default -> vllm-2/m"]
    );
    assert_eq!(plan.left_out.len(), 2);
    assert_eq!(plan.upstreams.len(), 2);
}

#[test]
fn of_many_models_the_first_ones_are_taken_and_the_others_named() {
    let names: Vec<String> = (0..11).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plan = plan(vec![server(1, &names)]);
    assert_eq!(plan.routes.len(), 8);
    assert_eq!(plan.left_out, ["3 more models of vllm: m8, m9, m10"]);
}

#[test]
fn names_stay_short_and_apart() {
    let long = "x".repeat(90);
    assert_eq!(slug(&long).len(), 64);
    assert_eq!(free(&slug(&long), &[&slug(&long)]).len(), 64);
    assert_eq!(slug("ÄÖ/…"), "model");
    assert_eq!(slug("None"), "model");
    assert_eq!(free("a", &["a", "a-2"]), "a-3");
}
