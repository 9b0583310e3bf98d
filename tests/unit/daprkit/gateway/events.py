"""One call as each platform's event, made by hand from what the platforms document."""

import base64
import json
from typing import Any

TEXT = "1,2,3,5,4,4,9,1"
CONTEXT = {"accountId": "1", "apiId": "a", "requestId": "r", "domainName": "d.example"}


def rest(path: str = "/plot", resource: str = "/{proxy+}", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an event
    """A REST API of Amazon's API Gateway."""
    return {
        "resource": resource,
        "path": path,
        "httpMethod": "POST",
        "headers": {"Content-Type": "text/csv", "Host": "d.example"},
        "multiValueHeaders": {"Content-Type": ["text/csv"], "Host": ["d.example"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {**CONTEXT, "stage": "prod", "path": f"/prod{path}"},
        "body": TEXT,
        "isBase64Encoded": False,
        **changes,
    }


def http_api(path: str = "/plot", *, stage: str = "$default", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an event
    """An HTTP API of Amazon's API Gateway, format 2.0."""
    verb = changes.pop("verb", "POST")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "cookies": ["a=1", "b=2"],
        "headers": {"content-type": "text/csv", "host": "d.example"},
        "requestContext": {
            **CONTEXT,
            "stage": stage,
            "http": {"method": verb, "path": path, "protocol": "HTTP/1.1"},
        },
        "body": TEXT,
        "isBase64Encoded": False,
        **changes,
    }


def function_url(path: str = "/plot", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an event
    """A Lambda function URL, which sends text as base64, too, if its type is not known as text."""
    body = base64.b64encode(TEXT.encode()).decode()
    event = http_api(path, body=body, isBase64Encoded=True)
    event["requestContext"]["domainName"] = "u.lambda-url.eu-west-1.on.aws"
    return event | changes


def scf(path: str = "/plot", api: str = "/{path}", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an event
    """Tencent's API Gateway."""
    return {
        "requestContext": {
            "serviceId": "service-1",
            "path": api,
            "httpMethod": "POST",
            "stage": "release",
        },
        "headers": {"Content-Type": "text/csv"},
        "body": TEXT,
        "pathParameters": {"path": path.rpartition("/")[2]},
        "queryStringParameters": {},
        "headerParameters": {},
        "stageVariables": {"stage": "release"},
        "path": path,
        "queryString": {},
        "httpMethod": "POST",
        **changes,
    }


def netlify(path: str = "/.netlify/functions/ml/plot", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an event
    """A function of Netlify."""
    return {
        "path": path,
        "httpMethod": "POST",
        "headers": {"content-type": "text/csv"},
        "multiValueHeaders": {"content-type": ["text/csv"]},
        "queryStringParameters": {},
        "multiValueQueryStringParameters": {},
        "rawUrl": f"https://d.example{path}",
        "rawQuery": "",
        "body": TEXT,
        "isBase64Encoded": False,
        **changes,
    }


def vercel(path: str = "/api/plot", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of an event
    """The launcher of a function of Vercel."""
    call = {
        "method": "POST",
        "host": "d.example",
        "path": path,
        "headers": {"content-type": "text/csv"},
        "encoding": "base64",
        "body": base64.b64encode(TEXT.encode()).decode(),
        **changes,
    }
    return {"Action": "Invoke", "body": json.dumps(call)}
