"""Judges an OpenAPI document given on stdin: the official schema of OpenAPI 3.1, then every example by its own schema."""
import json, sys
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(sys.stdin)
wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in OpenAPIV31SpecValidator(document).iter_errors()]
judged = 0

def judge(where, schema, value):
    global judged
    judged += 1
    # References are looked up in the document itself.
    whole = {**schema, "components": document["components"]}
    for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value):
        wrong.append(f"{where}: {error.message}")

def walk(node, where):
    if isinstance(node, list):
        for n, item in enumerate(node):
            walk(item, f"{where}/{n}")
    elif isinstance(node, dict):
        if "schema" in node:
            if "example" in node:
                judge(where, node["schema"], node["example"])
            for name, example in node.get("examples", {}).items():
                judge(f"{where} {name}", node["schema"], example["value"])
        elif isinstance(node.get("examples"), list) and "type" in node:
            for example in node["examples"]:
                judge(where, node, example)
        for name, item in node.items():
            walk(item, f"{where}/{name}")

walk(document, "")
print(json.dumps({"wrong": wrong, "judged": judged}))
