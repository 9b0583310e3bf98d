"""What the REST API refuses: verb, path, body; status and text, which are those of the original.

A text is ours where the original has none, or leaves it to what runs the model.
"""

from meshlens.daprkit.application.status import Status

INVALID, NOT_FOUND = Status.INVALID_ARGUMENT, Status.NOT_FOUND
ROWS = '{"instances": [[1, 2]]}'
JOIN = "v1/models/join:predict"
DOUBLE = "v1/models/double:predict"
NAMED = '{"instances": [{"a": 1, "b": 2.5}]}'
DEEP = "[" * 100_000
FAILED = "Failed to process element: "

REFUSALS: list[tuple[str, str, str, Status, str]] = [
    # What is called.
    ("POST", "v1/models/double:foo", ROWS, INVALID,
     "Malformed request: POST /v1/models/double:foo"),
    ("GET", DOUBLE, "", INVALID, f"Malformed request: GET /{DOUBLE}"),
    ("PUT", DOUBLE, ROWS, INVALID, f"Malformed request: PUT /{DOUBLE}"),
    ("POST", "v1/models/double", ROWS, INVALID, "Malformed request: POST /v1/models/double"),
    ("POST", "v1/models", ROWS, INVALID, "Malformed request: POST /v1/models"),
    ("GET", "v1/models", "", INVALID, "Missing model name in request."),
    ("GET", "v1/other", "", INVALID, "Malformed request: GET /v1/other"),
    ("GET", "v1/models/a/b/c/d", "", INVALID, "Malformed request: GET /v1/models/a/b/c/d"),
    ("POST", "v1/models/double/versions/one:predict", ROWS, INVALID,
     "Malformed request: POST /v1/models/double/versions/one:predict"),
    ("POST", f"v1/models/double/versions/{2**63}:predict", ROWS, INVALID,
     f"Failed to convert version: {2**63} to numeric."),
    ("GET", f"v1/models/double/versions/{'9' * 5000}", "", INVALID,
     ("Failed to convert version: " + "9" * 5000)[:1024] + "...TRUNCATED"),
    # Which model.
    ("POST", "v1/models/none:predict", ROWS, NOT_FOUND,
     "Servable not found for request: Latest(none)"),
    ("POST", "v1/models/double/versions/5:predict", ROWS, NOT_FOUND,
     "Servable not found for request: Specific(double, 5)"),
    ("POST", "v1/models/double/labels/new:predict", ROWS, INVALID,
     "Unrecognized servable version label: new"),
    ("POST", "v1/models/none/labels/new:predict", ROWS, INVALID,
     "Unrecognized servable version label: new"),
    ("POST", "v1/models/failed:predict", ROWS, NOT_FOUND,
     "Servable not found for request: Latest(failed)"),
    ("POST", "v1/models/loading:predict", ROWS, Status.UNAVAILABLE,
     ("Servable not found for request: Latest(loading): version 1 is LOADING;"
     " try again in a moment")),
    ("GET", "v1/models/none", "", NOT_FOUND, "Could not find any versions of model none"),
    ("GET", "v1/models/double/versions/9", "", NOT_FOUND,
     "Could not find version 9 of model double"),
    ("GET", "v1/models/none/metadata", "", NOT_FOUND,
     "Servable not found for request: Latest(none)"),
    # Whether it is a request. The body is read first.
    ("POST", "v1/models/none:predict", "", INVALID,
     "JSON Parse error: The document is empty. at offset: 0"),
    ("POST", DOUBLE, "[1]", INVALID, "JSON Value: [\n    1\n] Is not object"),
    ("POST", DOUBLE, '{"a" 1}', INVALID,
     "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
    ("POST", DOUBLE, '{"inputs": [1 2]}', INVALID,
     "JSON Parse error: Missing a comma or ] after an array element. at offset: 14"),
    ("POST", DOUBLE, '{\n\n"inputs": nope}', INVALID,
     "JSON Parse error: Invalid value. at offset: 14"),
    ("POST", DOUBLE, '{"inputs": ' + DEEP, INVALID,
     "JSON Parse error: Lists and objects are nested too deep. at offset: 211"),
    ("POST", DOUBLE, '{"inputs": [1e400, 1]}', INVALID,
     "JSON Parse error: Number too big to be stored in double."),
    ("POST", DOUBLE, '{"signature_name": 5, "inputs": 1}', INVALID,
     ('JSON Value: {\n    "signature_name": 5,\n    "inputs": 1\n} not formatted correctly.'
     " 'signature_name' key must be a string value.")),
    ("POST", DOUBLE, '{"signature_name": "x", "inputs": 1}', INVALID,
     'Serving signature name: "x" not found in signature def'),
    ("POST", DOUBLE, "{}", INVALID, "Missing 'inputs' or 'instances' key"),
    ("POST", DOUBLE, '{"inputs": 1, "instances": 1}', INVALID,
     ('JSON Value: {\n    "inputs": 1,\n    "instances": 1\n} Not formatted correctly expecting'
     " only one of 'inputs' or 'instances' keys to exist ")),
    ("POST", DOUBLE, '{"instances": 1}', INVALID,
     "JSON Value: {\n    \"instances\": 1\n} Excepting 'instances' to be an list/array"),
    ("POST", DOUBLE, '{"instances": []}', INVALID,
     "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
    # Names of inputs.
    ("POST", JOIN, ROWS, INVALID,
     ("instances is a plain list, but expecting list of objects as multiple input tensors"
     " required as per tensorinfo_map")),
    ("POST", JOIN, '{"instances": [{"b64": "aGk="}]}', INVALID,
     (f"{FAILED}0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value:"
     ' {\n    "b64": "aGk="\n} Type: Object is not of expected type: int32')),
    ("POST", JOIN, '{"inputs": [1]}', INVALID,
     ("inputs is a plain value/list, but expecting an object as multiple input tensors"
     " required as per tensorinfo_map")),
    ("POST", JOIN, '{"inputs": {"a": [1]}}', INVALID,
     "Missing named input: b in 'inputs' object."),
    ("POST", JOIN, '{"instances": [{"a": 1}]}', INVALID,
     (f"{FAILED}0 of 'instances' list. JSON object: {{\n    \"a\": 1\n}} must only have keys:"
     " a,b")),
    ("POST", JOIN, '{"instances": [{"a": 1, "b": 1, "c": 1}]}', INVALID,
     (f"{FAILED}0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not"
     " have named input: c")),
    ("POST", JOIN, '{"instances": [{"a": 1, "b": 1}, [1]]}', INVALID,
     "Expecting object but got list at item 1 of input list"),
    ("POST", DOUBLE, '{"instances": [[1, 2], {"x": [1, 2]}]}', INVALID,
     "Expecting value/list but got object at item 1 of input list"),
    # Shapes.
    ("POST", DOUBLE, '{"inputs": [[1, 2], [3]]}', INVALID,
     "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    ("POST", DOUBLE, '{"inputs": [1, [2]]}', INVALID,
     "Encountered list at unexpected level: 1 expected < 1"),
    ("POST", DOUBLE, '{"inputs": [[1], 2]}', INVALID,
     "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
    ("POST", DOUBLE, '{"instances": [[1, 2], [3, 4, 5]]}', INVALID,
     (f"{FAILED}1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but"
     " got: 3")),
    ("POST", DOUBLE, '{"instances": [[1, 2], [[3, 4]]]}', INVALID,
     (f"{FAILED}1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [2] but got:"
     " [1,2]")),
    ("POST", DOUBLE, '{"instances": [[1, 2, 3]]}', INVALID,
     "input tensor shape does not match signature: x expects [-1,2] but got [1,3]"),
    # Types.
    ("POST", DOUBLE, '{"inputs": [["1", 2]]}', INVALID,
     'JSON Value: "1" Type: String is not of expected type: float'),
    ("POST", DOUBLE, '{"inputs": [[1, true]]}', INVALID,
     "JSON Value: true Type: True is not of expected type: float"),
    ("POST", DOUBLE, '{"inputs": [[1, null]]}', INVALID,
     "JSON Value: null Type: Null is not of expected type: float"),
    ("POST", DOUBLE, '{"inputs": [[1, {}]]}', INVALID,
     "JSON Value: {} Type: Object is not of expected type: float"),
    ("POST", DOUBLE, '{"inputs": [[1, 16777216]]}', INVALID,
     "Cannot convert JSON value: 16777216 to float without loss of precision."),
    ("POST", DOUBLE, '{"inputs": [[1, -1e39]]}', INVALID,
     "Cannot convert JSON value: -1e+39 to float without loss of precision."),
    ("POST", "v1/models/echo-f8:predict", f'{{"inputs": {2**53}}}', INVALID,
     f"Cannot convert JSON value: {2**53} to double without loss of precision."),
    ("POST", "v1/models/echo-i4:predict", '{"inputs": [1.0]}', INVALID,
     "JSON Value: 1.0 Type: Number is not of expected type: int32"),
    ("POST", "v1/models/echo-i4:predict", f'{{"inputs": {2**31}}}', INVALID,
     f"JSON Value: {2**31} Type: Number is not of expected type: int32"),
    ("POST", "v1/models/echo-u1:predict", '{"inputs": [300]}', INVALID,
     "JSON Value: 300 Type: Number is not of expected type: uint8"),
    ("POST", "v1/models/echo-u8:predict", '{"inputs": [-1]}', INVALID,
     "JSON Value: -1 Type: Number is not of expected type: uint64"),
    ("POST", "v1/models/echo-bool:predict", '{"inputs": [1]}', INVALID,
     "JSON Value: 1 Type: Number is not of expected type: bool"),
    ("POST", "v1/models/echo-f2:predict", '{"inputs": 1}', Status.UNIMPLEMENTED,
     "Conversion of JSON Value: 1 to type: half"),
    ("POST", "v1/models/echo-u2:predict", '{"inputs": [1]}', Status.UNIMPLEMENTED,
     "Conversion of JSON Value: 1 to type: uint16"),
    ("POST", "v1/models/texts:predict", '{"inputs": [1]}', INVALID,
     "JSON Value: 1 Type: Number is not of expected type: string"),
    ("POST", "v1/models/texts:predict", '{"inputs": [{"b64": "a", "more": 1}]}', INVALID,
     ('JSON Value: {\n    "b64": "a",\n    "more": 1\n}'
      " not formatted correctly for base64 data")),
    ("POST", "v1/models/texts:predict", '{"inputs": {"b64": "a"}}', INVALID,
     "Unable to base64 decode"),
    # Answers.
    ("POST", "v1/models/scalar:predict", '{"inputs": "1"}', INVALID,
     'JSON Value: "1" Type: String is not of expected type: float'),
    ("POST", "v1/models/scalar:predict", '{"instances": [1]}', INVALID,
     "input tensor shape does not match signature: x expects [] but got [1]"),
]  # fmt: skip
