/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-plane: the virtio-blk device plane timed on the host itself, with no
 * hypervisor: a driver's thread, two eventfds, and the device on its reactor's
 * thread. What a guest adds comes on top of this; fio on the same file is the
 * limit from below. Interrupt status and acknowledge are not part of it.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/size.h"
#include "bench/lab/plane/report.h"
#include "bench/lab/plane/throttle.h"
#include "bench/spec/poll.h"

static const unsigned depths[] = { 1, 8, 32 };
#define DEPTHS (sizeof(depths) / sizeof(*depths))
#define CELLS (STORAGES * 2 * DEPTHS)

enum { EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69, EXIT_INTERNAL = 70 };

static const char usage[] =
	"usage: ktstr-plane [OPTION...]\n"
	"       ktstr-plane throttle [OPTION...]\n\n"
	"Times virtio-blk between two threads of this machine, and fio on the same file beside it.\n\n"
	"  --seconds=TIME  for each run (1s); 6 runs a cell and round\n"
	"  --rounds=N      of the whole table, 1..99 (3)\n"
	"  --json=FILE     the results for programs\n"
	"  --size=BYTES    of each file (256M)\n"
	"  --disk=DIR      where disk and page cache are measured ($TMPDIR, else /var/tmp)\n"
	"  --tmpfs=DIR     where tmpfs is (/dev/shm)\n"
	"  --only=NAME     disk, cache or tmpfs alone\n"
	"  --poll=HOW      busy-wait of the device's thread: auto, off, or at most this many microseconds (auto: "
	"where\n"
	"                  there is a CPU beside the driver's)\n";

struct options {
	uint64_t ns, rounds, size;
	const char *json, *disk, *tmpfs, *only;
	struct poll_choice poll;
};

static void __attribute__((noreturn)) bad_usage(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "ktstr-plane: --%s=%s: wants %s; see --help\n", option, value, wanted);
	exit(EXIT_USAGE);
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = { { "seconds", 1, NULL, 's' }, { "rounds", 1, NULL, 'r' },
					       { "json", 1, NULL, 'j' },    { "size", 1, NULL, 'z' },
					       { "disk", 1, NULL, 'd' },    { "tmpfs", 1, NULL, 't' },
					       { "only", 1, NULL, 'o' },    { "help", 0, NULL, 'h' },
					       { "poll", 1, NULL, 'p' },    { NULL, 0, NULL, 0 } };
	int key;

	while ((key = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (key == 's' && (duration_parse(optarg, &o->ns) || o->ns < 1000000 || o->ns > 600000000000ull))
			bad_usage("seconds", optarg, "1ms to 10m");
		if (key == 'r' && number_parse(optarg, 1, ROUNDS_MAX, &o->rounds))
			bad_usage("rounds", optarg, "1 to 99");
		if (key == 'z' && (size_parse(optarg, &o->size) || o->size < 1 << 20 || o->size % 4096))
			bad_usage("size", optarg, "at least 1M, whole blocks of 4k");
		if (key == 'o' && strcmp(optarg, "disk") && strcmp(optarg, "cache") && strcmp(optarg, "tmpfs"))
			bad_usage("only", optarg, "disk, cache or tmpfs");
		if (key == 'p' && poll_parse(optarg, &o->poll))
			bad_usage("poll", optarg, "auto, off, or microseconds up to 1000000");
		if (key == 'j')
			o->json = optarg;
		if (key == 'd')
			o->disk = optarg;
		if (key == 't')
			o->tmpfs = optarg;
		if (key == 'o')
			o->only = optarg;
		if (key == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (key == '?')
			exit(EXIT_USAGE);
	}
	if (optind < argc) {
		fprintf(stderr, "ktstr-plane: %s: no arguments are wanted; see --help\n", argv[optind]);
		exit(EXIT_USAGE);
	}
}

static void stuck(int signo)
{
	static const char text[] =
		"\nktstr-plane: a run does not end: a kick or an interrupt was lost, or the disk hangs\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_INTERNAL);
}

static unsigned make_cells(struct cell *cell, const struct storage *storage, uint64_t poll_ns)
{
	unsigned n = 0;

	for (unsigned s = 0; s < STORAGES; s++)
		for (unsigned write = 0; write < 2 && storage[s].name; write++)
			for (unsigned d = 0; d < DEPTHS; d++) {
				cell[n].storage = &storage[s];
				cell[n].write = write;
				cell[n].poll_ns = poll_ns;
				cell[n++].depth = depths[d];
			}
	return n;
}

/*
 * Contenders in turn, in a new order each time, the same in every run of the program. Where a contender finds the
 * threads' CPUs and the caches depends on who ran before it: turning the order round is not enough, for each would keep
 * its predecessor.
 */
static void shuffle(enum contender order[CONTENDERS], unsigned *seed)
{
	for (unsigned i = 0; i < CONTENDERS; i++) {
		unsigned k = (unsigned)rand_r(seed) % (i + 1);

		order[i] = order[k];
		order[k] = (enum contender)i;
	}
}

static void measure(struct results *r, uint64_t ns)
{
	bool tty = isatty(STDERR_FILENO);
	enum contender order[CONTENDERS] = { 0 };
	unsigned seed = 1;

	getloadavg(&r->load[0], 1);
	for (unsigned round = 0; round < r->rounds; round++) {
		for (unsigned i = 0; i < r->n_cells; i++) {
			struct cell *c = &r->cell[i];

			fprintf(stderr, "%sktstr-plane: round %u of %u, cell %u of %u: %s %s %u%s",
				tty ? "\r\033[K" : "", round + 1, r->rounds, i + 1, r->n_cells, c->storage->name,
				c->write ? "randwrite" : "randread", c->depth, tty ? "" : "\n");
			shuffle(order, &seed);
			for (unsigned k = 0; k < CONTENDERS; k++) {
				enum contender who = order[k];

				alarm((unsigned)(ns / 1000000000) + 120);
				if (!c->why[who][0])
					cell_measure(c, who, round, ns);
				alarm(0);
			}
		}
	}
	if (tty)
		fputs("\r\033[K", stderr);
	getloadavg(&r->load[1], 1);
}

/* Whether there are figures, and no request went wrong. */
static int outcome(const struct results *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->n_cells; i++)
		for (int who = AUTO; who <= SYNC; who++) {
			if (!strncmp(r->cell[i].why[who], "failed", 6))
				return EXIT_INTERNAL;
			any |= r->cell[i].sample[0][who].iops > 0;
		}
	return any ? 0 : EXIT_UNAVAILABLE;
}

static int write_json(const struct results *r, const char *path)
{
	json_t *j = report_json(r);
	int err = j ? json_dump_file(j, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : -1;

	json_decref(j);
	if (err)
		fprintf(stderr, "ktstr-plane: %s: can't be written: %s\n", path, strerror(errno));
	return err;
}

/* One for the driver and one for the device. */
static bool has_two_cpus(void)
{
	cpu_set_t set;

	/* Fails where there are more CPUs than the set holds. */
	return sched_getaffinity(0, sizeof(set), &set) || CPU_COUNT(&set) > 1;
}

int main(int argc, char **argv)
{
	static struct cell cell[CELLS];
	struct storage storage[STORAGES] = { 0 };
	struct options o = {
		.ns = 1000000000, .rounds = 3, .size = 256 << 20, .disk = getenv("TMPDIR"), .tmpfs = "/dev/shm"
	};
	struct results r = { .cell = cell };
	int code;

	if (!o.disk || !o.disk[0])
		o.disk = "/var/tmp";
	signal(SIGALRM, stuck);
	if (argc > 1 && !strcmp(argv[1], "throttle"))
		return throttle_main(argc - 1, argv + 1);
	parse(&o, argc, argv);
	for (int s = 0; s < STORAGES; s++)
		if (!o.only || !strcmp(o.only, storage_names[s]))
			storage_open(&storage[s], s, s == STORAGE_TMPFS ? o.tmpfs : o.disk, o.size);
	r.rounds = (unsigned)o.rounds;
	r.seconds = (double)o.ns / 1e9;
	r.poll_ns = poll_choose(&o.poll, 1, has_two_cpus(), &r.poll_reason);
	r.n_cells = make_cells(cell, storage, r.poll_ns);
	measure(&r, o.ns);
	report_print(stdout, &r);
	code = outcome(&r);
	if (o.json && write_json(&r, o.json))
		code = EXIT_INTERNAL;
	for (int s = 0; s < STORAGES; s++)
		if (storage[s].name)
			storage_close(&storage[s]);
	return code;
}
