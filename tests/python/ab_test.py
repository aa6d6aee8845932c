"""The lab's A/B test by boto3 against a running server: deploy, split, target, shift, metrics, shadow, remove.

python3 tests/python/ab_test.py http://127.0.0.1:8080
"""

import json
import sys
import time
from collections import Counter

import boto3
from botocore.exceptions import ClientError

URL = sys.argv[1].rstrip("/")
KEYS = dict(
    endpoint_url=URL,
    region_name="us-east-1",
    aws_access_key_id=sys.argv[2] if len(sys.argv) > 2 else "AKIDEXAMPLE",
    aws_secret_access_key="secret",
)
sagemaker = boto3.client("sagemaker", **KEYS)
runtime = boto3.client("sagemaker-runtime", **KEYS)
scaling = boto3.client("application-autoscaling", **KEYS)
cloudwatch = boto3.client("cloudwatch", **KEYS)
SOON = {"Delay": 1, "MaxAttempts": 60}
REVIEW = json.dumps({"features": ["great app, love it"]})


def refused(code, status, words, call, **members):
    try:
        call(**members)
    except ClientError as e:
        error, metadata = e.response["Error"], e.response["ResponseMetadata"]
        assert error["Code"] == code and metadata["HTTPStatusCode"] == status, (error, metadata)
        assert words in error["Message"], error
        assert metadata["RequestId"]
        return e
    raise AssertionError(f"{call} was not refused")


def variant(name, model, weight):
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
    }


def invoke(n, **more):
    """Answers by variant."""
    served = Counter()
    for _ in range(n):
        answer = runtime.invoke_endpoint(
            EndpointName="reviews", ContentType="application/jsonlines", Body=REVIEW, **more
        )
        served[answer["InvokedProductionVariant"]] += 1
        stars = json.loads(answer["Body"].read())["predicted_label"]
        assert stars in (4, 5), stars
    return served


for model, artifact in [("model-a", "stars-a"), ("model-b", "stars-b")]:
    made = sagemaker.create_model(
        ModelName=model,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/lab",
        PrimaryContainer={
            "Image": "lab/inference:1",
            "ModelDataUrl": f"s3://rollout-lab/{artifact}/output/model.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        },
    )
    assert made["ModelArn"].endswith(f":model/{model}"), made
described = sagemaker.describe_model(ModelName="model-a")
assert described["PrimaryContainer"]["Environment"] == {"SAGEMAKER_PROGRAM": "inference.py"}
assert abs(described["CreationTime"].timestamp() - time.time()) < 600

sagemaker.create_endpoint_config(
    EndpointConfigName="ab", ProductionVariants=[variant("A", "model-a", 50), variant("B", "model-b", 50)]
)
sagemaker.create_endpoint(EndpointName="reviews", EndpointConfigName="ab")
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="reviews", WaiterConfig=SOON)

served = invoke(200)
# 6 standard deviations: wrong once in 500 million runs.
assert served.total() == 200 and abs(served["A"] - 100) < 42, served
assert invoke(5, TargetVariant="B") == {"B": 5}

# The status is Updating before the call returns, or the waiter would pass too early.
sagemaker.update_endpoint_weights_and_capacities(
    EndpointName="reviews",
    DesiredWeightsAndCapacities=[
        {"VariantName": "A", "DesiredWeight": 0},
        {"VariantName": "B", "DesiredWeight": 100},
    ],
)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="reviews", WaiterConfig=SOON)
assert invoke(30) == {"B": 30}

# A shadow beside one production variant, by an update.
sagemaker.create_endpoint_config(
    EndpointConfigName="shadowed",
    ProductionVariants=[variant("B", "model-b", 1)],
    ShadowProductionVariants=[variant("S", "model-a", 1)],
)
sagemaker.update_endpoint(EndpointName="reviews", EndpointConfigName="shadowed")
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="reviews", WaiterConfig=SOON)
live = sagemaker.describe_endpoint(EndpointName="reviews")
assert [v["VariantName"] for v in live["ShadowProductionVariants"]] == ["S"], live
assert invoke(10) == {"B": 10}
refused("ValidationError", 400, "S is no production variant", invoke, n=1, TargetVariant="S")

# CloudWatch's reading calls; datapoints come with full minutes, so there need not be one yet.
now = time.time()
asked = dict(
    Namespace="AWS/SageMaker",
    MetricName="Invocations",
    Dimensions=[{"Name": "EndpointName", "Value": "reviews"}, {"Name": "VariantName", "Value": "B"}],
    Period=60,
    Statistics=["Sum"],
)
found = cloudwatch.get_metric_statistics(StartTime=now - 3600, EndTime=now + 60, **asked)
assert found["Label"] == "Invocations" and all(p["Unit"] == "None" for p in found["Datapoints"]), found
refused(
    "InvalidParameterValue",
    400,
    "The parameter StartTime must be less than the parameter EndTime.",
    cloudwatch.get_metric_statistics,
    StartTime=now,
    EndTime=now - 60,
    **asked,
)

# Alarms and scaling are the lab's own commands, too.
cloudwatch.put_metric_alarm(
    AlarmName="errors",
    AlarmDescription="ignored here",
    Namespace="AWS/SageMaker",
    MetricName="Invocation5XXErrors",
    Dimensions=asked["Dimensions"],
    Statistic="Average",
    Period=60,
    EvaluationPeriods=1,
    Threshold=0.1,
    ComparisonOperator="GreaterThanThreshold",
)
assert [a["AlarmName"] for a in cloudwatch.describe_alarms()["MetricAlarms"]] == ["errors"]
target = dict(
    ServiceNamespace="sagemaker",
    ResourceId="endpoint/reviews/variant/B",
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
)
scaling.register_scalable_target(MinCapacity=1, MaxCapacity=3, **target)
listed = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
assert [t["MaxCapacity"] for t in listed] == [3], listed
scaling.deregister_scalable_target(**target)
cloudwatch.delete_alarms(AlarmNames=["errors"])

# Refusals, in the words and with the codes that client code looks for.
refused("ValidationException", 400, "Could not find endpoint", sagemaker.describe_endpoint, EndpointName="nope")
refused(
    "ValidationException",
    400,
    "Cannot create already existing endpoint",
    sagemaker.create_endpoint,
    EndpointName="reviews",
    EndpointConfigName="ab",
)
refused("ValidationError", 400, "not found", runtime.invoke_endpoint, EndpointName="nope", Body=b"x")
error = refused(
    "ModelError",
    424,
    "Received client error (415) from primary",
    runtime.invoke_endpoint,
    EndpointName="reviews",
    ContentType="image/png",
    Body=b"x",
)
assert error.response["OriginalStatusCode"] == 415, error.response

names = [e["EndpointName"] for e in sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"]]
assert names == ["reviews"], names
sagemaker.delete_endpoint(EndpointName="reviews")
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="reviews", WaiterConfig=SOON)
for config in ("ab", "shadowed"):
    sagemaker.delete_endpoint_config(EndpointConfigName=config)
for model in ("model-a", "model-b"):
    sagemaker.delete_model(ModelName=model)
assert sagemaker.list_models()["Models"] == []
print(f"boto3 {boto3.__version__}: split {dict(served)}, shifted, shadowed, scaled, removed")
