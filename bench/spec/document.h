/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine's spec as a document: JSON, schema "ktstr-spec/1".
 *
 *   { "schema": "ktstr-spec/1", "cpus": 4, "disks": [ { "path": "disk.img", "iops": 3000 } ], "command": [ "true" ] }
 *
 * The keys are in spec/machine.c. What is left out has its default, and what has its default is left out when a spec is
 * written. A key that is not known is an error, so a document of a later version is refused, not half understood.
 */
#ifndef KTSTR_BENCH_SPEC_DOCUMENT_H
#define KTSTR_BENCH_SPEC_DOCUMENT_H

#include <jansson.h>
#include <stddef.h>

#include "bench/spec/field.h"
#include "bench/spec/machine.h"

#define SPEC_SCHEMA "ktstr-spec/1"

/* A new reference; NULL: no memory. */
json_t *spec_json(const struct machine_spec *spec);
/*
 * @spec, whatever is in it, is replaced by what the @len bytes at @text ask for. The plan that --dry-run=json prints is
 * taken too: its spec is. 0; or -EINVAL or -ENOMEM with @why, a line that names the place, and then @spec is empty.
 */
int spec_parse(struct machine_spec *spec, const char *text, size_t len, char why[FIELD_WHY]);
/* The same from the file @path, or from stdin where it is "-". Also -errno of reading it. */
int spec_load(struct machine_spec *spec, const char *path, char why[FIELD_WHY]);

#endif
