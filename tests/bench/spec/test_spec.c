/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine's spec is a value: it is the same after JSON and back, a copy shares nothing, a broken key is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/bits.h"
#include "bench/spec/document.h"
#include "bench/spec/topology.h"

/* A new member belongs into machine_fields, random_spec() and assert_same(); then count here. */
_Static_assert(sizeof(struct machine_spec) == 51760, "struct machine_spec has changed: see above");

static char why[FIELD_WHY];

/* --- random specs ----------------------------------------------------------- */

static uint64_t state = 1;

static uint64_t draw(void)
{
	/* xorshift64 */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t below(uint64_t n)
{
	return draw() % n;
}

static bool coin(void)
{
	return draw() >> 40 & 1;
}

/* A number from 0 or @min to @max, of any magnitude. */
static uint64_t number(uint64_t min, uint64_t max)
{
	uint64_t n = draw() >> below(64);

	return coin() ? 0 : n < min ? min : n > max ? max : n;
}

/* One to @max bytes, of any value but NUL: most of it is not UTF-8 where @any. */
static void text_into(char *text, size_t max, bool any)
{
	static const char plain[] = "abc/,:=.-_\"\\ \n\xc3\xa4\xe2\x82\xac";
	size_t n = 1 + below(max < 40 ? max : 40);

	for (size_t i = 0; i < n; i++)
		text[i] = any ? (char)(1 + below(255)) : "abcXYZ019/,:=.-_\"\\ \n"[below(20)];
	text[n] = '\0';
	if (!any && max >= sizeof(plain) && !below(4))
		strcpy(text, plain);
}

static char *text_new(void)
{
	char text[64];

	text_into(text, sizeof(text) - 1, !below(3));
	return strdup(text);
}

static char *text_or_null(void)
{
	return coin() ? text_new() : NULL;
}

static void words(struct word_list *list, unsigned max, const char *prefix)
{
	for (unsigned n = coin() ? 0 : (unsigned)below(max + 1); n; n--) {
		char text[128], *rest = text_new();

		snprintf(text, sizeof(text), "%s%s", prefix, rest);
		assert_int_equal(word_list_add(list, text), 0);
		free(rest);
	}
}

static void random_disk(struct disk *d)
{
	memset(d, 0, sizeof(*d));
	if (coin())
		text_into(d->path, 60, coin());
	d->size = number(1, 1ull << 53) * 512;
	if (!*d->path && !d->size)
		d->size = 512;
	d->read_only = coin();
	d->direct = coin();
	d->discard = coin();
	d->engine = (enum blk_engine)below(3);
	d->iops = number(1, INT64_MAX);
	d->bps = number(1, INT64_MAX);
	d->iops_burst = d->iops && coin() ? d->iops + below(INT64_MAX - d->iops + 1) : 0;
	d->bps_burst = d->bps && coin() ? d->bps : 0;
	if (coin())
		text_into(d->serial, DISK_SERIAL_MAX, coin());
}

static void random_backing(struct vm_backing *b)
{
	b->pages = (enum vm_pages)below(5);
	b->prefault = coin();
	b->lock = coin();
	b->collapse = coin();
	b->mergeable = coin();
	b->dontdump = coin();
	b->bind = (enum vm_bind)below(4);
	b->n_host_nodes = b->bind ? 1 + (unsigned)below(TOPOLOGY_NODES_MAX) : 0;
	for (unsigned i = 0; i < b->n_host_nodes; i++)
		b->host_node[i] = (uint16_t)below(VM_HOST_NODES_MAX);
}

static void random_nic(struct nic *n)
{
	*n = (struct nic){ .wanted = coin() };
	if (!n->wanted)
		return;
	if (coin())
		snprintf(n->tap, sizeof(n->tap), "tap%u", (unsigned)below(100000));
	for (unsigned i = 0; coin() && i < 6; i++)
		n->mac[i] = (uint8_t)(draw() & (i ? 0xff : 0xfe));
	n->mtu = (uint16_t)number(NET_MTU_MIN, UINT16_MAX);
}

static void random_host(struct host_options *h)
{
	h->mode_given = coin();
	h->mode = h->mode_given ? (enum host_mode)below(3) : MODE_DEFAULT;
	h->no_perf_mode = coin();
	h->cap = (unsigned)number(1, BITS_MAX);
	h->wait_ns = number(0, INT64_MAX);
	h->bypass_locks = coin();
	h->halt_poll_given = coin();
	h->halt_poll_ns = h->halt_poll_given ? (uint32_t)number(0, HALT_POLL_MAX_NS) : 0;
}

static void random_lists(struct machine_spec *s)
{
	for (s->n_disks = coin() ? 0 : (unsigned)below(MACHINE_DISKS_MAX + 1); s->n_disks; s->n_disks--)
		if (!below(3))
			break;
	for (unsigned i = 0; i < s->n_disks; i++)
		random_disk(&s->disk[i]);
	s->n_files = coin() ? 0 : (unsigned)below(below(8) ? 4 : MACHINE_FILES_MAX + 1);
	for (unsigned i = 0; i < s->n_files; i++)
		s->file[i] = (struct file_pair){ .host = text_new(), .guest = text_or_null() };
	s->conversation.n_wakes = (unsigned)below(CONVERSATION_WAKES_MAX + 1);
	for (unsigned i = 0; i < s->conversation.n_wakes; i++)
		s->conversation.wakes[i] =
			(struct wake_request){ .kind = (unsigned)below(WAKE_KINDS), .at_ns = number(1, INT64_MAX) };
	words(&s->modules, below(8) ? 3 : MACHINE_LIST_MAX, "");
	words(&s->outputs, 3, "");
	words(&s->guest.env, 3, "A=");
	words(&s->command, below(20) ? 5 : 3000, "");
}

static void random_spec(struct machine_spec *s)
{
	static const char *const shapes[] = { "1n2l4c2t", "numa8", "2n2l1c1t:mem=256M,768M:dist=10,30/30,10" };

	s->host = (enum host_choice)below(4);
	s->kernel = text_or_null();
	s->initrd = text_or_null();
	s->append = coin() ? strdup("") : text_or_null();
	s->scheduler = text_or_null();
	s->scheduler_log = text_or_null();
	s->stats = text_or_null();
	s->cpus = (unsigned)number(1, VM_CPUS_MAX);
	s->memory = number(VM_MEMORY_MIN >> 12, MACHINE_MEMORY_MAX >> 12) << 12;
	s->shape.text = coin() ? strdup(shapes[below(3)]) : NULL;
	s->shape.unchecked = coin();
	random_backing(&s->shape.backing);
	random_host(&s->host_cpus);
	s->register_page = (enum register_choice)below(3);
	s->poll.fixed = coin();
	s->poll.max_ns = s->poll.fixed ? number(0, POLL_NS_MAX) : 0;
	random_nic(&s->nic);
	random_lists(s);
	s->conversation.events = text_or_null();
	s->conversation.scx_stats_ns = number(1, INT64_MAX);
	s->guest.cwd = text_or_null();
	s->guest.all_modules = coin();
	s->shell = coin();
	s->timeout_ns = number(1, INT64_MAX);
	s->console = coin();
	s->verbose = coin();
}

/* --- two that are equal, member by member ------------------------------------ */

static void same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
	assert_true(!a || a != b);
}

static void same_words(const struct word_list *a, const struct word_list *b)
{
	assert_int_equal(a->n, b->n);
	for (unsigned i = 0; i < a->n; i++)
		same_text(a->word[i], b->word[i]);
	assert_true(!a->n || !b->word[b->n]);
}

static void same_disk(const struct disk *a, const struct disk *b)
{
	assert_string_equal(a->path, b->path);
	assert_string_equal(a->serial, b->serial);
	assert_true(a->size == b->size && a->read_only == b->read_only && a->direct == b->direct);
	assert_true(a->discard == b->discard && a->engine == b->engine && a->iops == b->iops && a->bps == b->bps);
	assert_true(a->iops_burst == b->iops_burst && a->bps_burst == b->bps_burst);
}

static void same_shape(const struct machine_shape *a, const struct machine_shape *b)
{
	const struct vm_backing *x = &a->backing, *y = &b->backing;

	same_text(a->text, b->text);
	assert_true(a->unchecked == b->unchecked && x->pages == y->pages && x->prefault == y->prefault);
	assert_true(x->lock == y->lock && x->collapse == y->collapse && x->mergeable == y->mergeable);
	assert_true(x->dontdump == y->dontdump && x->bind == y->bind && x->n_host_nodes == y->n_host_nodes);
	assert_memory_equal(x->host_node, y->host_node, sizeof(x->host_node));
}

static void same_lists(const struct machine_spec *a, const struct machine_spec *b)
{
	assert_int_equal(a->n_disks, b->n_disks);
	for (unsigned i = 0; i < a->n_disks; i++)
		same_disk(&a->disk[i], &b->disk[i]);
	assert_int_equal(a->n_files, b->n_files);
	for (unsigned i = 0; i < a->n_files; i++) {
		same_text(a->file[i].host, b->file[i].host);
		same_text(a->file[i].guest, b->file[i].guest);
	}
	assert_int_equal(a->conversation.n_wakes, b->conversation.n_wakes);
	for (unsigned i = 0; i < a->conversation.n_wakes; i++) {
		assert_int_equal(a->conversation.wakes[i].kind, b->conversation.wakes[i].kind);
		assert_true(a->conversation.wakes[i].at_ns == b->conversation.wakes[i].at_ns);
	}
	same_words(&a->modules, &b->modules);
	same_words(&a->outputs, &b->outputs);
	same_words(&a->guest.env, &b->guest.env);
	same_words(&a->command, &b->command);
}

static void assert_same(const struct machine_spec *a, const struct machine_spec *b)
{
	const struct host_options *x = &a->host_cpus, *y = &b->host_cpus;

	assert_true(a->host == b->host && a->cpus == b->cpus && a->memory == b->memory);
	same_text(a->kernel, b->kernel);
	same_text(a->initrd, b->initrd);
	same_text(a->append, b->append);
	same_text(a->scheduler, b->scheduler);
	same_text(a->scheduler_log, b->scheduler_log);
	same_text(a->stats, b->stats);
	same_shape(&a->shape, &b->shape);
	assert_true(x->mode == y->mode && x->mode_given == y->mode_given && x->no_perf_mode == y->no_perf_mode);
	assert_true(x->cap == y->cap && x->wait_ns == y->wait_ns && x->bypass_locks == y->bypass_locks);
	assert_true(x->halt_poll_given == y->halt_poll_given && x->halt_poll_ns == y->halt_poll_ns);
	assert_true(a->register_page == b->register_page && a->poll.fixed == b->poll.fixed);
	assert_true(a->poll.max_ns == b->poll.max_ns && a->nic.wanted == b->nic.wanted && a->nic.mtu == b->nic.mtu);
	assert_string_equal(a->nic.tap, b->nic.tap);
	assert_memory_equal(a->nic.mac, b->nic.mac, 6);
	same_lists(a, b);
	same_text(a->conversation.events, b->conversation.events);
	assert_true(a->conversation.scx_stats_ns == b->conversation.scx_stats_ns);
	same_text(a->guest.cwd, b->guest.cwd);
	assert_true(a->guest.all_modules == b->guest.all_modules && a->shell == b->shell);
	assert_true(a->timeout_ns == b->timeout_ns && a->console == b->console && a->verbose == b->verbose);
}

/* --- tests -------------------------------------------------------------------- */

static struct machine_spec a, b, c;

static void parse_ok(struct machine_spec *s, const char *text)
{
	why[0] = '\0';
	if (spec_parse(s, text, strlen(text), why))
		fail_msg("%s: %s", text, why);
}

static void ten_thousand_are_equal_after_json_and_back(void **unused)
{
	for (unsigned i = 0; i < 10000; i++) {
		json_t *json;
		char *text;

		memset(&a, 0, sizeof(a));
		random_spec(&a);
		json = spec_json(&a);
		assert_non_null(json);
		text = json_dumps(json, i & 1 ? JSON_ENSURE_ASCII : JSON_INDENT(2));
		json_decref(json);
		parse_ok(&b, text);
		assert_same(&a, &b);
		free(text);
		machine_spec_free(&a);
	}
	machine_spec_free(&b);
}

static void a_copy_shares_nothing(void **unused)
{
	for (unsigned i = 0; i < 500; i++) {
		memset(&a, 0, sizeof(a));
		random_spec(&a);
		assert_int_equal(machine_spec_copy(&b, &a), 0);
		assert_int_equal(machine_spec_copy(&c, &b), 0);
		assert_same(&a, &b);
		machine_spec_free(&a);
		assert_same(&b, &c);
		machine_spec_free(&b);
		machine_spec_free(&c);
		memset(&a, 0, sizeof(a));
		assert_memory_equal(&a, &c, sizeof(a));
	}
}

static void nothing_asked_is_nothing_written(void **unused)
{
	json_t *json;

	memset(&a, 0, sizeof(a));
	json = spec_json(&a);
	assert_int_equal(json_object_size(json), 1);
	assert_string_equal(json_string_value(json_object_get(json, "schema")), SPEC_SCHEMA);
	json_decref(json);
	/* And defaults may be written. */
	parse_ok(&b, "{\"schema\":\"ktstr-spec/1\",\"host\":\"auto\",\"console\":false,\"topology_check\":true,"
		     "\"disks\":[],\"command\":[],\"backing\":{\"hugepages\":\"auto\"}}");
	assert_same(&a, &b);
}

static void of_a_plan_the_spec_is_taken(void **unused)
{
	parse_ok(&a, "{\"schema\":\"ktstr-plan/1\",\"cpus\":99,\"spec\":{\"schema\":\"ktstr-spec/1\",\"cpus\":3}}");
	assert_int_equal(a.cpus, 3);
	machine_spec_free(&a);
}

/* @value at @place of an otherwise empty spec is refused, with @place in the reason and a remedy after it. */
static void refused(const char *place, const char *value)
{
	char text[4096], *at = text, close[16] = "";
	size_t n = strlen(place), depth = 0;

	at += sprintf(at, "{\"schema\":\"ktstr-spec/1\",");
	for (const char *p = place; *p; p += *p == '.') {
		size_t len = strcspn(p, ".[");

		at += sprintf(at, "\"%.*s\":", (int)len, p);
		p += len;
		if (*p == '[') {
			close[depth++] = ']';
			*at++ = '[';
			p = strchr(p, ']') + 1;
		}
		if (*p == '.') {
			close[depth++] = '}';
			*at++ = '{';
		}
	}
	at += sprintf(at, "%s", value);
	while (depth)
		*at++ = close[--depth];
	strcpy(at, "}");
	why[0] = '\0';
	if (!spec_parse(&a, text, strlen(text), why))
		fail_msg("%s: %s is taken", place, value);
	if (strncmp(why, place, n) || why[n] != ':' || !strchr(why + n, ';') || strchr(why, '\n'))
		fail_msg("%s = %s: %s", place, value, why);
}

static void refuse_each(const struct field *fields, const char *prefix)
{
	char place[256], value[64];

	for (const struct field *f = fields; f->key; f++) {
		const bool is_list = f->kind == FIELD_WORDS || f->kind == FIELD_NUMBERS || f->kind == FIELD_OBJECTS;

		snprintf(place, sizeof(place), "%s%s", prefix, f->key);
		refused(place, "null");
		refused(place, "1.5");
		refused(place, f->kind == FIELD_BOOL || f->kind == FIELD_NOT ? "\"yes\"" : "true");
		if (f->kind == FIELD_TEXT || f->kind == FIELD_CHARS || f->kind == FIELD_NAME || f->kind == FIELD_MAC)
			refused(place, "[]");
		if ((f->kind == FIELD_TEXT && !f->check) || f->kind == FIELD_CHARS || f->kind == FIELD_MAC)
			refused(place, "\"\"");
		if (f->kind == FIELD_NAME)
			refused(place, "\"no such\"");
		if (f->kind == FIELD_NUMBER) {
			refused(place, "\"1\"");
			refused(place, "-1");
			snprintf(value, sizeof(value), "%llu", (unsigned long long)f->min - 1);
			if (f->min)
				refused(place, value);
			snprintf(value, sizeof(value), "%llu", (unsigned long long)f->max + 1);
			if (f->max < INT64_MAX)
				refused(place, value);
			snprintf(value, sizeof(value), "%llu", (unsigned long long)f->min + 1);
			if (f->multiple)
				refused(place, value);
		}
		if (is_list) {
			refused(place, "{}");
			snprintf(place, sizeof(place), "%s%s[0]", prefix, f->key);
			refused(place, "null");
			refused(place, "[]");
		}
		if (f->kind == FIELD_OBJECT || f->kind == FIELD_OBJECTS) {
			refused(place, "1");
			strcat(place, ".");
			refuse_each(f->fields, place);
		}
	}
	snprintf(place, sizeof(place), "%scolour", prefix);
	refused(place, "\"red\"");
}

static void each_key_broken_in_turn_is_named(void **unused)
{
	refuse_each(machine_fields, "");
}

static void values_are_checked_as_options_are(void **unused)
{
	static const struct {
		const char *place, *value;
	} bad[] = {
		{ "topology", "\"3n1l1c1t\"" },
		{ "topology", "\"\"" },
		{ "env[0]", "\"A\"" },
		{ "env[0]", "\"=A\"" },
		{ "env[0]", "\"KTSTR_X=1\"" },
		{ "disks[0]", "{}" },
		{ "disks[0].path", "\"\"" },
		{ "disks[0].serial", "\"123456789012345678901\"" },
		{ "files[0].host", "\"\"" },
		{ "net.tap", "\"a/b\"" },
		{ "net.tap", "\"0123456789abcdef\"" },
		{ "net.mac", "\"01:00:00:00:00:00\"" },
		{ "net.mac", "\"00:00:00:00:00:00\"" },
		{ "kernel", "{\"hex\":\"6\"}" },
		{ "kernel", "{\"hex\":\"zz\"}" },
		{ "kernel", "{\"hex\":\"00\"}" },
		{ "kernel", "{\"hex\":\"61\",\"more\":1}" },
	};
	static const struct {
		const char *text, *word;
	} whole[] = {
		{ "{\"schema\":\"ktstr-spec/1\",\"disks\":[{\"size_bytes\":512},{\"path\":\"a\",\"iops\":\"3k\"}]}",
		  "disks[1].iops: is a string; " },
		{ "{\"schema\":\"ktstr-spec/1\",\"disks\":[{\"path\":\"a\",\"bps\":9,\"bps_burst\":5}]}",
		  "disks[0].bps_burst: is below its rate; " },
		{ "{\"schema\":\"ktstr-spec/1\",\"files\":[{\"guest\":\"/x\"}]}", "files[0].host: is missing; " },
		{ "{\"schema\":\"ktstr-spec/1\",\"backing\":{\"host_nodes\":[0]}}",
		  "backing.host_nodes_mode: is missing; " },
		{ "{\"schema\":\"ktstr-spec/1\",\"backing\":{\"host_nodes_mode\":\"bind\"}}",
		  "backing.host_nodes: is missing; " },
		{ "{\"schema\":\"ktstr-spec/1\",\"wakes\":[{\"at_ns\":5}]}", "wakes[0].wake: is missing; " },
		{ "{\"schema\":\"ktstr-spec/2\"}", "schema: is \"ktstr-spec/2\", which this ktstr does not know; " },
		{ "{\"cpus\":1}", "schema: is missing or no string; " },
		{ "[]", "schema: is missing" },
		{ "", "line 1, column 0: " },
		{ "{\"schema\":\"ktstr-spec/1\",\"cpus\":1,\"cpus\":2}", "duplicate object key" },
		{ "{\"schema\":\"ktstr-spec/1\"} x", "line 1, column 27: " },
		{ "{\"schema\":\"ktstr-plan/1\",\"spec\":{\"cpus\":1}}", "schema: is missing" },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused(bad[i].place, bad[i].value);
	for (unsigned i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		why[0] = '\0';
		assert_int_equal(spec_parse(&a, whole[i].text, strlen(whole[i].text), why), -EINVAL);
		if (!strstr(why, whole[i].word) || !strchr(why, ';'))
			fail_msg("%s: %s", whole[i].text, why);
	}
	/* More than fit. */
	for (unsigned i = 0; machine_fields[i].key; i++) {
		const struct field *f = &machine_fields[i];
		char text[8192], *at = text;

		if (f->kind != FIELD_OBJECTS && (f->kind != FIELD_WORDS || f->n > 1000))
			continue;
		at += sprintf(at, "{\"schema\":\"ktstr-spec/1\",\"%s\":[", f->key);
		for (size_t n = 0; n <= f->n; n++)
			at += sprintf(at, "%s1", n ? "," : "");
		strcpy(at, "]}");
		assert_int_equal(spec_parse(&a, text, strlen(text), why), -EINVAL);
		assert_non_null(strstr(why, "write at most"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_are_equal_after_json_and_back),
		cmocka_unit_test(a_copy_shares_nothing),
		cmocka_unit_test(nothing_asked_is_nothing_written),
		cmocka_unit_test(of_a_plan_the_spec_is_taken),
		cmocka_unit_test(each_key_broken_in_turn_is_named),
		cmocka_unit_test(values_are_checked_as_options_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
