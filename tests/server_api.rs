//! The control plane and the runtime as AWS SDKs see them, the upstreams as real servers answer, and what lasts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, body::Body, extract::Request, response::Response};
use http_body_util::BodyExt;
use rollout_lab::{
    controller::{FleetChange, FleetOrder},
    domain::{
        Artifact, EndpointConfigName, EndpointName, FleetId, InvocationRecord, InvocationStatus,
        LAB_BEGAN_UNIX_S, ReviewId, RoutingStrategy, SECOND_NS, VariantName, VirtualTime,
    },
    server::{App, Settings},
};
use serde_json::{Value, json};
use server::{Folder, Mood, REVIEW, Server, Upstream, container, declared, nobody, settings};

fn variant(name: &str, model: &str) -> Value {
    json!({"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1})
}

#[tokio::test]
async fn calls_are_refused_in_the_services_words() {
    let server = Server::start(settings("")).await;
    server.deploy(&[("A", "stars-a", 1.0)], &[]).await;
    let arn = |kind: &str, name: &str| format!("arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}");
    let model = json!({"ModelName": "cfg-A", "PrimaryContainer": container("stars-a")});
    let weights = |list: Value| json!({"EndpointName": "ep", "DesiredWeightsAndCapacities": list});
    let eleven: Vec<_> = (0..11).map(|i| variant(&format!("v{i}"), "cfg-A")).collect();
    for (operation, members, code, words) in [
        ("DescribeEndpoint", json!({"EndpointName": "Nope"}), "ValidationException", format!("Could not find endpoint \"{}\".", arn("endpoint", "nope"))),
        ("DescribeModel", json!({"ModelName": "nope"}), "ValidationException", format!("Could not find model \"{}\".", arn("model", "nope"))),
        ("DescribeEndpointConfig", json!({"EndpointConfigName": "nope"}), "ValidationException", format!("Could not find endpoint configuration \"{}\".", arn("endpoint-config", "nope"))),
        ("CreateModel", model, "ValidationException", format!("Cannot create already existing model \"{}\".", arn("model", "cfg-a"))),
        ("CreateEndpoint", json!({"EndpointName": "EP", "EndpointConfigName": "cfg"}), "ValidationException", "Cannot create already existing endpoint".into()),
        ("CreateEndpointConfig", json!({"EndpointConfigName": "c", "ProductionVariants": eleven}), "ValidationException", "less than or equal to 10".into()),
        ("CreateEndpointConfig", json!({"EndpointConfigName": "c", "ProductionVariants": [variant("v", "ENTER MODEL NAME")]}), "ValidationException", "Value 'ENTER MODEL NAME' at 'productionVariants.1.member.modelName' failed to satisfy constraint: Member must satisfy regular expression pattern".into()),
        ("UpdateEndpointWeightsAndCapacities", weights(json!([{"VariantName": "Z", "DesiredWeight": 1}])), "ValidationException", "The variant name(s) \"Z\" is/are not present within endpoint configuration \"cfg\".".into()),
        ("CreateEndpoint", json!({"EndpointConfigName": "cfg"}), "ValidationException", "Value null at 'endpointName' failed to satisfy constraint: Member must not be null".into()),
        ("DescribeEndpoint", json!({"EndpointName": 7}), "SerializationException", "".into()),
        ("DescribeEndpoint", json!([]), "SerializationException", "".into()),
        ("DescribeInferenceExperiment", json!({"Name": "nope"}), "ResourceNotFound", "".into()),
    ] {
        let (status, said) = server.call(operation, members).await;
        assert_eq!((status, said["__type"].as_str().unwrap()), (400, code), "{operation}: {said}");
        let message = said["message"].as_str().unwrap();
        assert!(message.contains(&words), "{operation}: {message}\nlacks: {words}");
    }
    for operation in ["NoSuchThing", "", "InvokeEndpoint"] {
        let (status, said) = server.call(operation, json!({})).await;
        assert_eq!((status, said["__type"].as_str().unwrap()), (404, "UnknownOperationException"));
    }
    // What the lab does not use is ignored, and given back.
    let tagged = json!({
        "EndpointConfigName": "tagged", "Tags": [{"Key": "k", "Value": "v"}], "KmsKeyId": "key",
        "ProductionVariants": [{"VariantName": "v", "ModelName": "cfg-A", "InstanceType": "ml.m5.large", "VolumeSizeInGB": 9, "InitialVariantWeight": 2}],
        "DataCaptureConfig": {"EnableCapture": true, "InitialSamplingPercentage": 5, "DestinationS3Uri": "s3://b/p", "KmsKeyId": "k", "CaptureOptions": [{"CaptureMode": "Input"}]},
        "AsyncInferenceConfig": null,
    });
    server.must("CreateEndpointConfig", tagged).await;
    let said = server.must("DescribeEndpointConfig", json!({"EndpointConfigName": "tagged"})).await;
    assert_eq!(said["ProductionVariants"][0]["InitialVariantWeight"], json!(2.0));
    assert_eq!(said["DataCaptureConfig"]["KmsKeyId"], "k");
    assert!(said["CreationTime"].as_f64().unwrap() > 1.7e9 && said.get("Tags").is_none());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::start(settings("")).await;
    for i in 0..12 {
        let made = json!({"ModelName": format!("m-{i:02}"), "PrimaryContainer": container("stars-a")});
        server.must("CreateModel", made).await;
    }
    let first = server.must("ListModels", json!({})).await;
    assert_eq!(first["Models"].as_array().unwrap().len(), 10);
    assert_eq!(first["Models"][0]["ModelName"], "m-11");
    let rest = server.must("ListModels", json!({"NextToken": first["NextToken"]})).await;
    let names: Vec<_> = rest["Models"].as_array().unwrap().iter().map(|m| m["ModelName"].clone()).collect();
    assert_eq!((names, rest.get("NextToken")), (vec![json!("m-01"), json!("m-00")], None));
    let named =
        server.must("ListModels", json!({"NameContains": "0", "SortBy": "Name", "MaxResults": 3})).await;
    assert_eq!(named["Models"][0]["ModelName"], "m-00");
    let (status, said) = server.call("ListModels", json!({"MaxResults": 101})).await;
    assert_eq!(status, 400, "{said}");
}

#[tokio::test]
async fn invocations_are_answered_as_inference_py_does() {
    let server = Server::start(settings("")).await;
    server.deploy(&[("A", "stars-a", 1.0), ("B", "stars-b", 0.0)], &[]).await;
    let good = server.invoke("ep", &[], REVIEW).await;
    assert_eq!(
        (good.status, good.variant.as_str(), good.content_type.as_str()),
        (200, "A", "application/jsonlines")
    );
    let said: Value = serde_json::from_str(&good.body).unwrap();
    assert_eq!((&said["predicted_label"], said["probabilities"].as_array().unwrap().len()), (&json!(5), 5));
    let csv = server.invoke("ep", &[("content-type", "text/csv")], "awful waste of money\nlove it\n").await;
    assert_eq!((csv.status, csv.body.lines().count()), (200, 2));
    // A variant of weight 0 is reached by its name only.
    let named = server.invoke("ep", &[("x-amzn-sagemaker-target-variant", "B")], REVIEW).await;
    assert_eq!((named.status, named.variant.as_str()), (200, "B"));
    for (endpoint, headers, body, status, error) in [
        ("nope", vec![], REVIEW, 400, "ValidationError"),
        ("ep", vec![("x-amzn-sagemaker-target-variant", "Z")], REVIEW, 400, "ValidationError"),
        ("ep", vec![("content-type", "image/png")], REVIEW, 424, "ModelError"),
        ("ep", vec![("content-type", "application/json")], "{", 424, "ModelError"),
    ] {
        let said = server.invoke(endpoint, &headers, body).await;
        assert_eq!((said.status, said.error.as_str()), (status, error), "{said:?}");
    }
    let bad = server.invoke("ep", &[("content-type", "image/png")], REVIEW).await;
    let bad: Value = serde_json::from_str(&bad.body).unwrap();
    assert_eq!(bad["OriginalStatusCode"], 415);
    assert_eq!(server.app.ledger.recorded(), 6);
    let unknown = server.invoke("nope", &[], REVIEW).await;
    assert_eq!(unknown.body, "{\"Message\":\"Endpoint nope of account 123456789012 not found.\"}");
    assert_eq!(server.metric("rollout_invocations_total", "status=\"model_error\"").await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn split_and_copies_are_drawn_independently() {
    // Counted where requests arrive, each by its own number: at the models of both variants and at the shadow's.
    let models = [Upstream::start(Mood::Well).await, Upstream::start(Mood::Well).await];
    let shadow = Upstream::start(Mood::Well).await;
    let [a, b] = [models[0].declared("a"), models[1].declared("b")];
    // No copy may be dropped: what is counted are draws.
    let toml = format!("beyond_sagemaker = true\n[shadow]\nqueue = 20_000\n{a}{b}{}", shadow.declared("s"));
    let server = Arc::new(Server::start(settings(&toml)).await);
    server.deploy(&[("A", "a", 1.0), ("B", "b", 1.0)], &[("S", "s", 1.0)]).await;
    let n = 20_000_u64;
    let next = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (server, next) = (server.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let i = next.fetch_add(1, Ordering::SeqCst);
                    if i >= n {
                        return;
                    }
                    assert_eq!(server.invoke("ep", &[], i.to_string()).await.status, 200);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    server.until_copies_end().await;
    let copied: BTreeSet<u64> = shadow.numbers().into_iter().collect();
    assert_eq!(copied.len() as u64, shadow.asked.load(Ordering::SeqCst), "no copy twice");
    let served = models.each_ref().map(Upstream::numbers);
    let all: BTreeSet<u64> = served.iter().flatten().copied().collect();
    assert_eq!((served[0].len() + served[1].len(), all.len() as u64), (n as usize, n), "each request once");
    let cells = served.map(|numbers| {
        let both = numbers.iter().filter(|i| copied.contains(i)).count();
        [(numbers.len() - both) as f64, both as f64]
    });
    let sum = n as f64;
    let (row, column) = (|i: usize| cells[i][0] + cells[i][1], |j: usize| cells[0][j] + cells[1][j]);
    let mut chi_square = 0.0;
    for (i, cells) in cells.iter().enumerate() {
        for (j, seen) in cells.iter().enumerate() {
            let expected = row(i) * column(j) / sum;
            chi_square += (seen - expected).powi(2) / expected;
        }
    }
    // One degree of freedom: above 23.93 once in a million runs, as is a share further off than 4.892 standard
    // deviations. One draw for both would give 20,000.
    assert!(chi_square < 23.93, "{cells:?}: {chi_square}");
    for share in [row(0) / sum, column(1) / sum] {
        assert!((share - 0.5).abs() < 4.892 * (0.25 / sum).sqrt(), "{cells:?}");
    }
    println!("served by A, B; not copied, copied: {cells:?}, chi-square {chi_square:.2}");
}

#[tokio::test]
async fn a_user_stays_with_a_variant() {
    let good = Upstream::start(Mood::Well).await;
    let server = Server::start(settings(&format!("sticky = true\n{}", good.declared("good")))).await;
    server.deploy(&[("A", "good", 1.0), ("B", "good", 1.0)], &[]).await;
    let routes = server.app.table.find("ep").unwrap();
    for user in 0..20_u64 {
        let wanted = ["A", "B"][routes.router.sticky(user)];
        let attributes = format!("trace=1,user={user}");
        for _ in 0..3 {
            let said =
                server.invoke("ep", &[("x-amzn-sagemaker-custom-attributes", &attributes)], REVIEW).await;
            assert_eq!(said.variant, wanted);
        }
        let (records, _) = server.app.ledger.recent(server.app.ledger.recorded() - 1, 1);
        assert_eq!(u64::from(records[0].record.user), user);
    }
}

#[tokio::test]
async fn failures_of_an_upstream_are_told_apart() {
    let (failing, hanging, huge) = (
        Upstream::start(Mood::Failing).await,
        Upstream::start(Mood::Hanging).await,
        Upstream::start(Mood::Huge).await,
    );
    let mut toml = String::new();
    for (name, at) in [
        ("failing", failing.address),
        ("hanging", hanging.address),
        ("huge", huge.address),
        ("dead", nobody().await),
    ] {
        toml += &declared(name, at);
        toml += "timeout_ms = 200\nbreaker_failures = 3\nbreaker_open_ms = 60000\n";
    }
    let server = Server::start(settings(&toml)).await;
    let names = ["failing", "hanging", "huge", "dead"];
    server.deploy(&names.map(|n| (n, n, 1.0)), &[]).await;
    for (name, status, error, words) in [
        ("failing", 424, "ModelError", "Received server error (500) from primary"),
        ("hanging", 424, "ModelError", "timed out"),
        ("huge", 424, "ModelError", "more than 6291456 bytes"),
        ("dead", 503, "ServiceUnavailable", "does not answer"),
    ] {
        let said = server.invoke("ep", &[("x-amzn-sagemaker-target-variant", name)], REVIEW).await;
        assert_eq!((said.status, said.error.as_str()), (status, error), "{said:?}");
        assert!(said.body.contains(words), "{said:?}");
    }
    // What fails again and again is left alone; what answers with an error is not.
    for name in ["dead", "failing"] {
        for _ in 0..3 {
            server.invoke("ep", &[("x-amzn-sagemaker-target-variant", name)], REVIEW).await;
        }
    }
    let said = server.invoke("ep", &[("x-amzn-sagemaker-target-variant", "dead")], REVIEW).await;
    assert!(said.status == 503 && said.body.contains("left alone for 60000 ms"), "{said:?}");
    assert_eq!(server.metric("rollout_upstream_open{", "dead").await, 1.0);
    assert_eq!(server.metric("rollout_upstream_open{", "failing").await, 0.0);
    // A refused connection was tried twice, a time-out or an answer once.
    assert!(server.metric("rollout_upstream_retries_total", "dead").await >= 3.0);
    assert_eq!(hanging.asked.load(Ordering::SeqCst), 1);
}

/// A stub that answers as a real server did, to the requests that were recorded with it.
async fn recorded(file: &str) -> std::net::SocketAddr {
    let path = format!("{}/tests/golden/wire/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let pairs = all["recorded"].as_array().unwrap().clone();
    let answer = move |request: Request| {
        let pairs = pairs.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let texts = |body: &str| {
                let value: Value = serde_json::from_str(body).unwrap_or_default();
                value.pointer("/inputs/0/data").or(value.get("instances")).cloned()
            };
            let asked = texts(std::str::from_utf8(&body).unwrap());
            let same = |pair: &&Value| {
                let recorded = pair["request"]["body"].as_str().unwrap_or_default();
                pair["request"]["path"] == path && texts(recorded) == asked
            };
            let Some(found) = pairs.iter().find(same) else {
                panic!("{path} was never recorded with {asked:?}")
            };
            let said = found["response"]["body"].as_str().unwrap().to_owned();
            let status = found["response"]["status"].as_u64().unwrap() as u16;
            Response::builder().status(status).body(Body::from(said)).unwrap()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
    address
}

#[tokio::test]
async fn recorded_model_servers_are_understood() {
    let two = "love it\n\"awful waste, “refund” é\"";
    for (file, protocol) in
        [("triton_v2", "oip"), ("kserve_v2", "oip"), ("mlserver_v2", "oip"), ("kserve_v1", "tfserving")]
    {
        let at = recorded(file).await;
        let upstream = |name: &str, model: &str| {
            format!(
                "[upstream.{name}]\nprotocol = \"{protocol}\"\nurl = \"http://{at}\"\nmodel = \"{model}\"\nhealth_interval_ms = 0\n"
            )
        };
        let server = Server::start(settings(&(upstream("real", "bert_a") + &upstream("none", "nope")))).await;
        server.deploy(&[("A", "real", 1.0), ("B", "none", 0.0)], &[]).await;
        let csv = [("content-type", "text/csv")];
        if protocol == "oip" {
            let said = server.invoke("ep", &csv, two.replace('\n', ",x\n")).await;
            assert_eq!((said.status, said.body.as_str()), (200, "4\n1"), "{file}: {said:?}");
            let said = server.invoke("ep", &csv, "\"great blender, easy to clean, worth it\"").await;
            assert_eq!((said.status, said.body.as_str()), (200, "5"), "{file}: {said:?}");
            let said = server
                .invoke(
                    "ep",
                    &[("x-amzn-sagemaker-target-variant", "B"), csv[0]],
                    "\"great blender, easy to clean, worth it\"",
                )
                .await;
            assert_eq!((said.status, said.error.as_str()), (424, "ModelError"), "{file}: {said:?}");
            assert!(said.body.contains("client error (404)"), "{file}: {said:?}");
        } else {
            let said = server.invoke("ep", &csv, "love it\nawful waste").await;
            assert_eq!((said.status, said.body.as_str()), (200, "4\n1"), "{file}: {said:?}");
        }
    }
    let at = recorded("litserve_invocations").await;
    let server = Server::start(settings(&declared("real", at))).await;
    server.deploy(&[("A", "real", 1.0)], &[]).await;
    let body = "{\"instances\": [\"love it\", \"awful waste\"]}";
    let said = server.invoke("ep", &[("content-type", "application/json")], body).await;
    assert!(said.status == 200 && said.body.starts_with("{\"predictions\":[{\"label\":4"), "{said:?}");
    let (records, _) = server.app.ledger.recent(0, 1);
    assert_eq!(records[0].record.predicted.map(|s| s.get()), Some(4));
}

#[tokio::test]
async fn requests_as_boto3_signs_them_are_taken() {
    let path = format!("{}/tests/golden/wire/sagemaker_runtime.json", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let server = Server::start(settings("")).await;
    server
        .configure("cfg", &[("VariantA", "stars-a", 1.0), ("VariantB", "stars-b", 1.0)], &[], json!({}))
        .await;
    server.must("CreateEndpoint", json!({"EndpointName": "reviews", "EndpointConfigName": "cfg"})).await;
    server.until_in_service("reviews").await;
    for pair in all["recorded"].as_array().unwrap() {
        let headers = pair["request"]["headers"].as_object().unwrap();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(n, _)| n.as_str() != "Content-Length")
            .map(|(n, v)| (n.as_str(), v.as_str().unwrap()))
            .collect();
        let said =
            server.invoke("reviews", &headers, pair["request"]["body"].as_str().unwrap().to_owned()).await;
        assert_eq!((said.status, said.content_type.as_str()), (200, "application/json"), "{said:?}");
        if pair["name"] == "target variant named" {
            assert_eq!(said.variant, "VariantB");
        }
    }
}

#[tokio::test]
async fn a_shadow_test_runs_from_plan_to_promotion() {
    let server = Server::start(settings("")).await;
    server.deploy(&[("live", "stars-a", 1.0)], &[]).await;
    server.must("CreateModel", json!({"ModelName": "next", "PrimaryContainer": container("stars-b")})).await;
    let infrastructure = json!({"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}});
    let of = |name: &str, model: &str| json!({"ModelName": model, "VariantName": name, "InfrastructureConfig": infrastructure});
    server
        .must(
            "CreateInferenceExperiment",
            json!({
                "Name": "test", "Type": "ShadowMode", "RoleArn": "arn:aws:iam::123456789012:role/lab",
                "EndpointName": "ep", "ModelVariants": [of("live", "cfg-live"), of("ghost", "next")],
                "ShadowModeConfig": {"SourceModelVariantName": "live", "ShadowModelVariants": [{"ShadowModelVariantName": "ghost", "SamplingPercentage": 100}]},
            }),
        )
        .await;
    let until = async |wanted: &str| {
        loop {
            let said = server.must("DescribeInferenceExperiment", json!({"Name": "test"})).await;
            if said["Status"] == wanted {
                return said;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    until("Running").await;
    for _ in 0..5 {
        assert_eq!(server.invoke("ep", &[], REVIEW).await.variant, "live");
    }
    server.until("rollout_invocations_total", "ghost\"", |v| v == 5.0).await;
    // A shadow never answers a caller.
    let named = server.invoke("ep", &[("x-amzn-sagemaker-target-variant", "ghost")], REVIEW).await;
    assert_eq!(named.status, 400);
    server
        .must(
            "StopInferenceExperiment",
            json!({"Name": "test", "ModelVariantActions": {"live": "Remove", "ghost": "Promote"}}),
        )
        .await;
    until("Completed").await;
    server.until_in_service("ep").await;
    assert_eq!(server.invoke("ep", &[], REVIEW).await.variant, "ghost");
}

#[tokio::test]
async fn requests_are_captured_where_the_configuration_says_so() {
    let folder = Folder::new("capture");
    let server = Server::start(Settings { state: Some(folder.0.clone()), ..settings("") }).await;
    let capture = json!({"DataCaptureConfig": {
        "EnableCapture": true, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://b/p",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/jsonlines"]},
    }});
    server.configure("cfg", &[("A", "stars-a", 1.0)], &[("S", "stars-b", 1.0)], capture).await;
    server.must("CreateEndpoint", json!({"EndpointName": "ep", "EndpointConfigName": "cfg"})).await;
    server.until_in_service("ep").await;
    server.invoke("ep", &[("x-amzn-sagemaker-inference-id", "mine")], REVIEW).await;
    server.until("rollout_captured_total", "", |v| v == 2.0).await;
    let mut lines = Vec::new();
    while lines.len() < 2 {
        lines.clear();
        let mut waiting = vec![folder.0.join("capture")];
        while let Some(at) = waiting.pop() {
            for entry in std::fs::read_dir(at).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    waiting.push(entry.path());
                } else {
                    let text = std::fs::read_to_string(entry.path()).unwrap();
                    lines.extend(
                        text.lines().map(|l| (entry.path(), serde_json::from_str::<Value>(l).unwrap())),
                    );
                }
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for (path, line) in lines {
        let shown = path.display().to_string();
        assert!(shown.contains("/capture/ep/") && shown.ends_with("/data.jsonl"), "{shown}");
        assert_eq!(line["captureData"]["endpointInput"]["data"], REVIEW);
        assert_eq!(line["captureData"]["endpointOutput"]["encoding"], "JSON");
        assert_eq!(line["eventMetadata"]["inferenceId"], "mine");
    }
}

#[tokio::test]
async fn the_live_feed_resumes_where_it_was() {
    let server = Server::start(settings("")).await;
    server.deploy(&[("A", "stars-a", 1.0)], &[]).await;
    let open = async |last: Option<&str>| {
        let mut request = hyper::Request::get(format!("http://{}/api/live", server.address));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = server.client.request(request.body(Default::default()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        answer.into_body()
    };
    let event = async |body: &mut hyper::body::Incoming| {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            text += std::str::from_utf8(&piece).unwrap();
        }
        let line = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
        let frame: rollout_lab::wire::live::LiveFrame = serde_json::from_str(&line("data:")).unwrap();
        (line("id:"), frame)
    };
    let mut body = open(None).await;
    let (_, first) = event(&mut body).await;
    let plane = first.plane.unwrap();
    assert_eq!((plane.models.len(), plane.configs.len(), plane.endpoints.len()), (1, 1, 1));
    for _ in 0..3 {
        server.invoke("ep", &[], REVIEW).await;
    }
    // On a slow machine the three may come in several frames.
    let mut seen = 0;
    let id = loop {
        let (id, next) = event(&mut body).await;
        assert!(next.plane.is_none() && next.missed == 0);
        seen += next.records.len();
        if next.seq == 3 {
            assert_eq!((seen, next.fleets[0].answered), (3, 3));
            break id;
        }
    };
    drop(body);
    for _ in 0..100 {
        server.invoke("ep", &[], REVIEW).await;
    }
    let (_, third) = event(&mut open(Some(&id)).await).await;
    assert!(third.plane.is_some());
    assert_eq!((third.records.len() as u64 + third.missed, third.seq), (100, 103));
    // Another start of the server has other numbers.
    let (_, fourth) = event(&mut open(Some("1-2")).await).await;
    assert_eq!((fourth.records.len(), fourth.missed), (0, 0));
}

#[tokio::test]
async fn an_end_drains() {
    let server = Server::start(settings("")).await;
    server.deploy(&[("A", "stars-c", 1.0)], &[]).await;
    let many =
        format!("{{\"instances\": [{}\"x\"]}}", "\"great app, love it, would buy again\",".repeat(200));
    let uri = format!("http://{}/endpoints/ep/invocations", server.address);
    let request = hyper::Request::post(uri).header("content-type", "application/json");
    let asked = tokio::spawn(server.client.request(request.body(many.into()).unwrap()));
    server.until("rollout_inference_waiting", "", |v| v == 0.0).await;
    while server.app.ledger.begun() == 0 {
        tokio::task::yield_now().await;
    }
    server.end().await;
    assert_eq!(asked.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_is_sent_by_its_schedule() {
    use rollout_lab::server::generate::{Arrivals, Body, GenerateError, Plan, generate};
    let good = Upstream::start(Mood::Well).await;
    let server = Server::start(settings(&good.declared("good"))).await;
    server.deploy(&[("A", "good", 1.0), ("B", "good", 1.0)], &[]).await;
    let body = Body {
        content_type: hyper::header::HeaderValue::from_static("application/jsonlines"),
        bytes: REVIEW.into(),
    };
    let plan = |endpoint: &str, rate| Plan {
        target: format!("http://{}", server.address),
        endpoint: endpoint.to_owned(),
        rate,
        lasts: std::time::Duration::from_millis(500),
        arrivals: Arrivals::Constant,
        bodies: vec![body.clone()],
        token: None,
    };
    let send = async |plan| {
        let (_stop, stopped) = tokio::sync::oneshot::channel();
        let mut last = None;
        generate(plan, |p| last = Some(p), stopped).await.map(|report| (report, last.unwrap()))
    };
    // However slow the machine: what was due was sent, late if need be.
    let (report, last) = send(plan("ep", 401.0)).await.unwrap();
    assert_eq!((report.due, report.answered, report.failed.len(), last.answered), (200, 200, 0, 200));
    assert_eq!(report.by_variant.values().sum::<u64>(), 200);
    assert!(report.from_schedule.p50_ms >= report.from_sending.p50_ms);
    let (report, _) = send(plan("nope", 41.0)).await.unwrap();
    assert_eq!((report.answered, report.failed), (0, BTreeMap::from([("400".to_owned(), 20)])));
    assert_eq!(send(plan("ep", 0.0)).await.unwrap_err(), GenerateError::Rate { rate: 0.0 });
    let nothing = Plan { bodies: Vec::new(), ..plan("ep", 1.0) };
    assert_eq!(send(nothing).await.unwrap_err(), GenerateError::Empty);
}

/// What a page and an SDK can read of the metrics of `ep` before now.
async fn readings(server: &Server, start_s: u64, end_s: u64) -> Vec<Value> {
    let mut all = Vec::new();
    for metric in ["Invocations", "ModelLatency", "Invocation5XXErrors", "CPUUtilization"] {
        for statistic in ["Sum", "Average", "Maximum", "p99"] {
            let query = json!({"endpoint_name": "ep", "metric": metric, "statistic": statistic, "period_s": 60, "start_s": start_s, "end_s": end_s});
            all.push(server.post("/api/series", query).await["series"].clone());
        }
    }
    let request = hyper::Request::post(format!("http://{}/", server.address))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.GetMetricStatistics")
        .body(http_body_util::Full::from(
            json!({
                "Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Period": 300,
                "StartTime": LAB_BEGAN_UNIX_S + start_s, "EndTime": LAB_BEGAN_UNIX_S + end_s,
                "Dimensions": [{"Name": "EndpointName", "Value": "ep"}, {"Name": "VariantName", "Value": "A"}],
                "Statistics": ["Average", "SampleCount"],
            })
            .to_string(),
        ));
    let answer = server.client.request(request.unwrap()).await.unwrap();
    all.push(serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_totals_are_the_same_after_a_restart() {
    let folder = Folder::new("history");
    let start = async || {
        Server::start(Settings { state: Some(folder.0.clone()), ..settings("[history]\nflush_ms = 60000") })
            .await
    };
    let server = start().await;
    server.deploy(&[("A", "stars-a", 1.0)], &[("S", "stars-b", 1.0)]).await;
    for _ in 0..20 {
        assert_eq!(server.invoke("ep", &[], REVIEW).await.status, 200);
    }
    server.until_copies_end().await;
    // An hour that is long over, so that nobody has to wait for a minute to end: an earlier fleet of the variant.
    let state: Value = serde_json::from_str(&server.get("/api/state").await).unwrap();
    let now_s = state["now"].as_u64().unwrap() / SECOND_NS;
    let begin_s = (now_s - 7_200) / 3_600 * 3_600;
    let ledger = &server.app.ledger;
    let fleet = FleetId(900);
    let launch = FleetChange::Launch(FleetOrder {
        fleet,
        endpoint: EndpointName::new("ep").unwrap(),
        variant: VariantName::new("A").unwrap(),
        artifact: Artifact::A,
        instance_type: "ml.m5.large".parse().unwrap(),
        instances: 2,
        strategy: RoutingStrategy::default(),
        config: EndpointConfigName::new("cfg").unwrap(),
        production: true,
    });
    ledger.follow(&[launch], |_| 2, VirtualTime::from_s(begin_s));
    let target = server.app.table.find("ep").unwrap().targets[0].clone();
    for i in 0..600_u64 {
        let status = if i % 10 == 0 { InvocationStatus::ModelError } else { InvocationStatus::Answered };
        let record = InvocationRecord {
            id: i,
            arrival: VirtualTime::from_s(begin_s + i * 3),
            user: 0,
            review: ReviewId(0),
            true_stars: None,
            fleet,
            instance: 0,
            status,
            wait_ns: 0,
            service_ns: (i % 50 + 1) * 1_000_000,
            overhead_ns: 50_000,
            predicted: None,
            copy: false,
            leaked_kib: 0,
        };
        ledger.record(&target, record);
    }
    ledger.follow(&[FleetChange::Retire(fleet)], |_| 2, VirtualTime::from_s(begin_s + 1_800));
    let before = readings(&server, begin_s, begin_s + 3_600).await;
    assert_eq!(before[0][0]["datapoints"].as_array().unwrap().len(), 30, "{}", before[0]);
    assert_eq!(before[0][0]["datapoints"][3]["value"], 20.0);
    assert_eq!(before.last().unwrap()["Datapoints"][0]["SampleCount"], 100.0);
    let totals = |state: &Value| {
        let of = |f: &Value| {
            (f["variant"].clone(), f["answered"].clone(), f["by_stars"].clone(), f["model_us"].clone())
        };
        state["fleets"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let totals_before = totals(&serde_json::from_str(&server.get("/api/state").await).unwrap());
    assert_eq!((&totals_before[1].0, &totals_before[1].1), (&json!("S"), &json!(20)));
    let begun = ledger.begun();
    server.end_wholly().await;

    let server = start().await;
    server.until_in_service("ep").await;
    until_read(&server).await;
    assert_eq!(readings(&server, begin_s, begin_s + 3_600).await, before);
    assert_eq!(totals(&serde_json::from_str(&server.get("/api/state").await).unwrap()), totals_before);
    // What Prometheus scrapes begins anew, as its counters may; and no invocation gets another's number.
    assert_eq!(server.metric("rollout_invocations_total", "answered").await, 0.0);
    assert_eq!(server.app.ledger.begun(), begun);
    for _ in 0..3 {
        assert_eq!(server.invoke("ep", &[], REVIEW).await.status, 200);
    }
    assert_eq!(server.metric("rollout_invocations_total", "variant=\"A\"").await, 3.0);
    let after = totals(&serde_json::from_str(&server.get("/api/state").await).unwrap());
    assert_eq!(after[0].1.as_u64().unwrap(), totals_before[0].1.as_u64().unwrap() + 3);
    server.end_wholly().await;

    // A control plane that begins anew numbers its fleets anew: series stay, totals are nobody's.
    std::fs::remove_file(folder.0.join("state.redb")).unwrap();
    let server = start().await;
    until_read(&server).await;
    assert_eq!(readings(&server, begin_s, begin_s + 3_600).await, before);
    server.deploy(&[("A", "stars-a", 1.0)], &[]).await;
    let anew = totals(&serde_json::from_str(&server.get("/api/state").await).unwrap());
    assert_eq!((anew.len(), &anew[0].1), (1, &json!(0)));
    server.end_wholly().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_nobody_here_wrote_are_told_from_ours() {
    use redb::{Database, ReadableDatabase, TableDefinition};
    const ROWS: TableDefinition<(&str, u8, u64), &[u8]> = TableDefinition::new("rows");
    const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
    let settings = |folder: &Folder| Settings { state: Some(folder.0.clone()), ..settings("") };
    let refused = |folder: &Folder| {
        App::new(settings(folder), "127.0.0.1:8080".parse().unwrap()).map(drop).unwrap_err().to_string()
    };
    // Of another release: it is not read at all.
    let folder = Folder::new("foreign-version");
    {
        let database = Database::create(folder.0.join("metrics.redb")).unwrap();
        let writing = database.begin_write().unwrap();
        writing.open_table(META).unwrap().insert("version", 9).unwrap();
        writing.commit().unwrap();
    }
    let why = refused(&folder);
    assert!(why.contains("metrics.redb holds state that cannot be read (version 9 instead of 1)"), "{why}");
    assert!(why.contains("move it away"), "{why}");
    let folder = Folder::new("foreign-file");
    std::fs::write(folder.0.join("metrics.redb"), "no database").unwrap();
    let why = refused(&folder);
    assert!(why.contains("metrics.redb cannot be opened"), "{why}");

    // Single rows: they are counted and left where they are, and the server serves.
    let folder = Folder::new("foreign-rows");
    let server = Server::start(settings(&folder)).await;
    server.deploy(&[("A", "stars-a", 1.0)], &[]).await;
    assert_eq!(server.invoke("ep", &[], REVIEW).await.status, 200);
    server.end_wholly().await;
    let foreign: [(&str, u8, u64, &[u8]); 3] =
        [("none", 0, 0, b"\x01"), ("ep/A", 3, 0, b"\x01"), ("ep/B", 0, 7, b"\x01\x05")];
    {
        let database = Database::create(folder.0.join("metrics.redb")).unwrap();
        let writing = database.begin_write().unwrap();
        for (key, tier, minute, bytes) in foreign {
            writing.open_table(ROWS).unwrap().insert((key, tier, minute), bytes).unwrap();
        }
        writing.commit().unwrap();
    }
    let server = Server::start(settings(&folder)).await;
    server.until_in_service("ep").await;
    until_read(&server).await;
    assert_eq!(server.metric("rollout_history_unreadable_rows_total", "").await, 3.0);
    assert_eq!(server.invoke("ep", &[], REVIEW).await.status, 200);
    server.end_wholly().await;
    let database = Database::open(folder.0.join("metrics.redb")).unwrap();
    let rows = database.begin_read().unwrap().open_table(ROWS).unwrap();
    for (key, tier, minute, bytes) in foreign {
        assert_eq!(rows.get((key, tier, minute)).unwrap().unwrap().value(), bytes);
    }
}

/// Until the metrics of earlier starts are there.
async fn until_read(server: &Server) {
    server.until("rollout_history_unread_variants", "", |n| n == 0.0).await;
}

#[tokio::test]
async fn the_servers_clients_send_what_was_ordered() {
    use rollout_lab::{server::generate::Body, wire::live::TrafficOrder};
    // What a reviewer of this test can count: stars that were weighed, then what came along.
    fn draw(order: &TrafficOrder) -> Result<Vec<Body>, String> {
        let line = |text: String| Body {
            content_type: hyper::header::HeaderValue::from_static("application/jsonlines"),
            bytes: json!({"features": [text]}).to_string().into(),
        };
        match order.domain_mix.clothing {
            0.0 => Err("no clothing".to_owned()),
            _ => Ok(order.texts.iter().map(|(text, _)| line(text.clone())).collect()),
        }
    }
    let server = Server::start(Settings { reviews: Some(draw), ..settings("") }).await;
    server.deploy(&[("A", "stars-a", 1.0)], &[]).await;
    let order = json!({
        "on": true, "endpoint": "ep", "per_second": 1000.0, "constant": true,
        "domain_mix": {"clothing": 1.0, "food": 0.0, "software": 0.0}, "star_mix": [0.0, 0.0, 0.0, 0.0, 1.0],
        "texts": [["great, love it", 5], ["awful waste of money", null]],
    });
    let put = async |order: &Value| {
        let request = hyper::Request::put(format!("http://{}/api/traffic", server.address));
        let request = request.body(http_body_util::Full::from(order.to_string())).unwrap();
        let answer = server.client.request(request).await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&text).into_owned())
    };
    assert_eq!(put(&order).await, (204, String::new()));
    server.until("rollout_invocations_total", "answered", |n| n >= 20.0).await;
    let state: Value = serde_json::from_str(&server.get("/api/state").await).unwrap();
    let told = &state["traffic"];
    assert_eq!((&told["own_texts"], told["order"].get("texts")), (&json!(2), None), "{told}");
    assert_eq!(
        (&told["order"]["star_mix"], &told["order"]["domain_mix"]),
        (&order["star_mix"], &order["domain_mix"])
    );
    // Both texts are sent, one after the other: the models tell them apart.
    let stars = &state["fleets"][0]["by_stars"];
    assert!(stars[0].as_u64().unwrap() > 0 && stars[4].as_u64().unwrap() > 0, "{stars}");
    let mut without = order.clone();
    without["domain_mix"]["clothing"] = json!(0.0);
    assert_eq!(put(&without).await, (400, "no clothing\n".to_owned()));
    let mut many = order.clone();
    many["texts"] = json!(vec![json!(["x", null]); 2_001]);
    let (status, words) = put(&many).await;
    assert!(status == 400 && words.contains("at most 2000 are taken, but there are 2001"), "{words}");
    many["texts"] = json!([["x".repeat(1 << 20), null]]);
    assert_eq!(put(&many).await.0, 413);
    // What was refused has not ended those that call.
    assert!(server.app.traffic.state().is_some());
    assert_eq!(put(&json!({"on": false, "endpoint": "", "per_second": 1.0, "constant": true})).await.0, 204);
}
