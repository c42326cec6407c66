#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_schema.py SCHEMA FILE...: whether each file is as its JSON Schema has it; 1 and a line for each fault.

By hand, so that it needs no package: those keywords that our schemas use, and no other is let pass. Where python3-jsonschema
is installed, it has to say the same."""
import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$schema", "$ref", "title", "definitions", "type", "required", "properties", "additionalProperties", "items",
         "minItems", "maxItems", "minimum", "maximum", "const", "enum", "pattern"}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(root, schema, value, at):
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    if set(schema) - KNOWN:
        yield f"{at}: the schema has {set(schema) - KNOWN}, which this check does not know"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, t) for t in types):
        yield f"{at}: {value!r:.60} is not {' or '.join(types)}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r:.60} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r:.60} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r:.60} does not match {schema['pattern']}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield f"{at}: {value} is out of bounds"
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}: no {name}"
        for name, part in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if inner:
                yield from faults(root, inner, part, f"{at}.{name}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at}: {len(value)} items"
        for i, part in enumerate(value):
            if "items" in schema:
                yield from faults(root, schema["items"], part, f"{at}[{i}]")


def main():
    schema = json.load(open(sys.argv[1]))
    bad = 0
    try:
        import jsonschema
    except ImportError:
        jsonschema = None
    for path in sys.argv[2:]:
        value = json.load(open(path))
        found = list(faults(schema, schema, value, path))
        for line in found:
            print(line)
        bad += bool(found)
        if jsonschema and bool(found) == jsonschema.Draft7Validator(schema).is_valid(value):
            print(f"{path}: jsonschema says the opposite")
            bad += 1
    return bool(bad)


sys.exit(main())
